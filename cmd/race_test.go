//go:build race && unix

package cmd_test

const raceEnabled = true
