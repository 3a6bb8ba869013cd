//go:build !race

package store

const sparse = 1 // each operation
