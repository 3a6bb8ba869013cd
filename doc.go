// Package twitterstream holds only the tests of the house's rules; the program
// lives in cmd and pkg. ARCHITECTURE.md is the plan.
package twitterstream
