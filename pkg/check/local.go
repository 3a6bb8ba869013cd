package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/storj/twitter-stream/pkg/store"
)

// Configuration reports that path was read, and its warnings.
func Configuration(path string, warnings []string) Check {
	return func(context.Context) []Finding {
		findings := []Finding{{Topic: "configuration", Text: path}}
		for _, warning := range warnings {
			findings = append(findings, Finding{Topic: "configuration", Verdict: Warn, Text: warning})
		}
		return findings
	}
}

// Credentials reports which of the credentials that the stream needs are
// missing, and the command that asks for them.
func Credentials(needed bool, missing []string, command string) Check {
	return func(context.Context) []Finding {
		switch {
		case !needed:
			return []Finding{{Topic: "credentials", Text: "the stream needs none"}}
		case len(missing) > 0:
			return []Finding{{"credentials", Fail, "missing: " + strings.Join(missing, ", "), "run on a terminal: " + command}}
		}
		return []Finding{{Topic: "credentials", Text: "application key and access token are set"}}
	}
}

// Store opens the store, looks who holds it and how much room there is.
func Store(cfg store.Config, minFree int64) Check {
	return func(context.Context) []Finding {
		s, err := store.Open(cfg)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNoStore) {
			return []Finding{{Topic: "store", Text: cfg.Dir + " will be made a store at the first start"}}
		}
		if err != nil {
			return []Finding{storeFailure(err)}
		}
		defer s.Close()
		free, err := s.Free()
		if err != nil {
			return []Finding{storeFailure(err)}
		}
		text := fmt.Sprintf("%s, %.1f GiB free", s.Dir(), float64(free)/(1<<30))
		if free < minFree {
			return []Finding{{"store", Fail, text + fmt.Sprintf(", less than store_min_free (%d MiB): capture would pause", minFree>>20), "make room, or lower store_min_free"}}
		}
		for _, role := range []string{store.RoleDaemon, store.RoleGrabber, store.RoleUploader} {
			if holder, held, err := s.Holder(role); err == nil && held {
				text += fmt.Sprintf(", %s runs (pid %d)", role, holder.PID)
			}
		}
		return []Finding{{Topic: "store", Text: text}}
	}
}

// Ledger reads every receipt.
func Ledger(cfg store.Config) Check {
	return book(cfg, "ledger", "receipts", (*store.Store).CheckLedger,
		"the receipts hold the keys of what was uploaded: restore the file from a copy",
		"shipping goes on; keep the lines, a key may still be read by eye")
}

// Captured reads every line of the captured book.
func Captured(cfg store.Config) Check {
	return book(cfg, "captured book", "files", (*store.Store).CheckCaptured,
		"it says what was captured and when: restore the file from a copy",
		"capture goes on; what these lines told is not in 'grabber coverage'")
}

// book reads all of a book. unreadable and damaged are what to do about it.
func book(cfg store.Config, topic, unit string, read func(*store.Store) (int, []store.Damage, error), unreadable, damaged string) Check {
	cfg.ReadOnly = true
	return func(context.Context) []Finding {
		s, err := store.Open(cfg)
		if err != nil {
			return nil // Store has said it
		}
		defer s.Close()
		lines, damage, err := read(s)
		if err != nil {
			return []Finding{{topic, Fail, err.Error(), unreadable}}
		}
		text := fmt.Sprintf("%d %s", lines, unit)
		if len(damage) == 0 {
			return []Finding{{Topic: topic, Text: text}}
		}
		return []Finding{{topic, Warn, fmt.Sprintf("%s, and damage from %s:%d on: %v", text, damage[0].File, damage[0].Line, damage[0].Err), damaged}}
	}
}

// Problems passes on what the store's own overview complains of.
func Problems(read func() ([]string, error)) Check {
	return func(context.Context) []Finding {
		problems, err := read()
		if err != nil {
			return nil // Store has said it
		}
		var findings []Finding
		for _, problem := range problems {
			findings = append(findings, Finding{Topic: "store", Verdict: Warn, Text: problem})
		}
		return findings
	}
}

func storeFailure(err error) Finding {
	finding := Finding{Topic: "store", Verdict: Fail, Text: err.Error()}
	var failed *store.Error
	if errors.As(err, &failed) {
		finding.Advice = failed.Hint
	}
	return finding
}

// App is what there is to read a stream in the name of an application.
type App struct {
	Given, Fetched bool     // a token that a person has set, or one that was fetched
	Missing        []string // parts of the application's key
	Command        string   // that asks for them
	// Fetch proves the key by fetching a token, and advises where it fails.
	Fetch func(ctx context.Context) (advice string, err error)
}

// Application reports whether there is a token, or a key to fetch one with. The
// service is asked only where no token shows that it takes the key.
func Application(a App) Check {
	return func(ctx context.Context) []Finding {
		switch {
		case a.Given:
			return []Finding{{Topic: "credentials", Text: "a bearer token is set"}}
		case len(a.Missing) > 0:
			return []Finding{{"credentials", Fail, "missing: BEARER_TOKEN, or " + strings.Join(a.Missing, ", "), "run on a terminal: " + a.Command}}
		case a.Fetched:
			return []Finding{{Topic: "credentials", Text: "application key is set, and a token was fetched with it"}}
		}
		if advice, err := a.Fetch(ctx); err != nil {
			return []Finding{{"credentials", Fail, err.Error(), advice}}
		}
		return []Finding{{Topic: "credentials", Text: "the service takes the application key"}}
	}
}
