package app

import "runtime/debug"

// release is the version that make build sets with -ldflags -X.
var release string

// Version returns the version of this build: what make build set, else what
// go install recorded, else the commit.
func Version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return "devel-" + setting.Value[:12]
		}
	}
	return "devel"
}

// UserAgent says who sends a request, and in which version, as Twitter and
// Wikimedia ask of every client.
func UserAgent() string {
	return "twitter-stream/" + Version() + " (+https://github.com/storj/twitter-stream)"
}
