//go:build race

package store

// sparse is how many operations lie between two that a crash is tried at. The
// race detector makes each try ten times as dear and is after other faults:
// make test runs this package without it as well, at every operation.
const sparse = 23
