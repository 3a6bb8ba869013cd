//go:build !linux && unix

package cmd_test

import "testing"

func mountTmpfs(t testing.TB, _, _ string) {
	t.Helper()
	t.Skip("a small file system is mounted on Linux only")
}

func remountReadOnly(testing.TB, string) {}

func remount(testing.TB, string, string) {}

func bind(testing.TB, string, string) {}

func unmount(testing.TB, string) {}

func adoptOrphans(t testing.TB) {
	t.Helper()
	t.Skip("orphans are adopted on Linux only")
}
