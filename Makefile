# make build   the three binaries, in bin/
# make test    everything, with the race detector; needs Go and gcc only
# make demo    the whole system on this machine, no account, no network
# make lint    gofmt, go vet, staticcheck, govulncheck
# make bench   benchmarks; BENCH=regexp, COUNT=n
# make tools-test   an engine reads a real archive, Kubernetes' types read deploy/ (large downloads)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X github.com/storj/twitter-stream/cmd/internal/app.release=$(VERSION)
BENCH   ?= .
COUNT   ?= 1

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: build test tools-test demo lint bench cross clean

build:
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/daemon ./cmd/grabber ./cmd/uploader

test:
	go test -race -timeout 15m ./...

tools-test:
	cd tools && go vet ./... && go test -count=1 ./...

demo: build
	bin/daemon demo

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@sh .ci/vulncheck $(GOVULNCHECK)

bench:
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 30m -count $(COUNT) ./...

cross:
	GOOS=windows go build ./...
	GOOS=darwin go build ./...
	GOOS=windows go vet ./...
	GOARCH=386 go vet ./...

clean:
	rm -rf bin
