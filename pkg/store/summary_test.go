package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// said is what LedgerSummary says, in one line.
func said(t *testing.T, s *Store) string {
	t.Helper()
	receipts, damage, err := s.LedgerSummary()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{fmt.Sprint(receipts)}
	for _, d := range damage {
		lines = append(lines, fmt.Sprintf("%s:%d", filepath.Base(d.File), d.Line))
	}
	return strings.Join(lines, " ")
}

func TestLedgerSummary(t *testing.T) {
	t.Parallel()
	s := shipStore(t, nil)
	l := shipLedger(t, s, LedgerConfig{})
	book := filepath.Join(s.Dir(), "ledger", "2026-11.jsonl")
	add := func(n int) {
		t.Helper()
		for i := range n {
			if err := l.Append(t.Context(), []Receipt{receipt(fmt.Sprint("a", i), ByWatch)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(file, text string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	sumUp := func() {
		t.Helper()
		if err := s.SumUpLedger(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when, want string) {
		t.Helper()
		for _, again := range []string{"", ", again"} {
			if got := said(t, s); got != want {
				t.Errorf("%s%s: %q, want %q", when, again, got, want)
			}
		}
	}
	want("no ledger", "0")
	sumUp()
	add(3)
	want("nothing summed up", "3")
	sumUp()
	add(2)
	want("summed up before the last two", "5")
	write(book, "no receipt\n")
	want("a damaged line", "5 2026-11.jsonl:6")
	sumUp()
	write(book, `{"time":`)
	want("a last line that is being written", "5 2026-11.jsonl:6")
	sumUp()
	write(filepath.Join(s.Dir(), "ledger", "2026-12.jsonl"), "")
	want("a torn line in a month that is over", "5 2026-11.jsonl:6 2026-11.jsonl:7")
	sumUp()
	want("summed up with that", "5 2026-11.jsonl:6 2026-11.jsonl:7")
	if err := os.WriteFile(book, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("another file of that name", "0")
}

// What was summed up is not read again: that is what it is for.
func TestLedgerSummaryReadsTheEndAlone(t *testing.T) {
	t.Parallel()
	s := shipStore(t, nil)
	l := shipLedger(t, s, LedgerConfig{})
	if err := l.Append(t.Context(), []Receipt{receipt("a", ByWatch), receipt("b", ByWatch)}); err != nil {
		t.Fatal(err)
	}
	if err := s.SumUpLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(s.Dir(), "ledger", "2026-11.jsonl"), os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("x"), 0)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if got := said(t, s); got != "2" {
		t.Errorf("LedgerSummary = %q, want what was summed up: 2", got)
	}
	if receipts, damage, err := s.CheckLedger(); receipts != 1 || len(damage) != 1 || err != nil {
		t.Errorf("CheckLedger = %d, %v, %v; want the damage found", receipts, damage, err)
	}
}

func TestSumUpLedgerEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := shipStore(t, nil)
	l := shipLedger(t, s, LedgerConfig{})
	if err := l.Append(t.Context(), []Receipt{receipt("a", ByWatch), receipt("b", ByWatch)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.SumUpLedger(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("SumUpLedger = %v, want canceled", err)
	}
	if got := said(t, s); got != "2" {
		t.Errorf("LedgerSummary = %q, want 2", got)
	}
}
