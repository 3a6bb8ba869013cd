# make build   the three binaries, in bin/
# make test    the store at every crash, then everything with the race detector; needs Go and gcc only
# make demo    the whole system on this machine, no account, no network
# make lint    gofmt, go vet, staticcheck, govulncheck
# make bench   the programs measured beside others, a table of it, and bench.json; BENCH=regexp, COUNT=n
# make bench-compare   the same of this tree beside another commit's: WITH=commit
# make tools-test   an engine reads a real archive, Kubernetes' types read deploy/ (large downloads)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X github.com/storj/twitter-stream/cmd/internal/app.release=$(VERSION)
BENCH   ?= .
COUNT   ?= 1
WITH    ?= HEAD~1

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

.PHONY: build test tools-test demo lint bench bench-compare cross clean

build:
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/daemon ./cmd/grabber ./cmd/uploader

# By itself the race detector lets each process sleep for a second at its end; lint vets.
test:
	go test ./pkg/store
	GORACE=atexit_sleep_ms=10 go test -race -vet=off -timeout 15m ./...

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
	go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 30m -count $(COUNT) ./cmd | go run ./cmd/internal/benchreport bench.json

bench-compare:
	sh .ci/bench-compare '$(WITH)' '$(BENCH)' $(COUNT) $(BENCHSTAT)

cross:
	GOOS=windows go build ./...
	GOOS=darwin go build ./...
	GOOS=windows go vet ./...
	GOARCH=386 go vet ./...

clean:
	rm -rf bin
