// Package tools holds tests that need large libraries of others: an engine that
// reads a real archive in place, and Kubernetes' own types. It is a module of
// its own, so that the project depends on none of them.
package tools
