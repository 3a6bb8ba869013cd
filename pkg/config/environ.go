package config

import (
	"maps"
	"slices"
	"strings"
)

// EnvironmentPrefix begins the name of every variable that is read: the rest
// is a key in capitals.
const EnvironmentPrefix = "TWITTER_STREAM_"

// Variables that are no keys, and not unknown either.
const (
	parentVariable = EnvironmentPrefix + "DAEMON_PID" // the daemon's pid, told to its children
	testPrefix     = EnvironmentPrefix + "TEST_"      // settings of the tests
	fileSuffix     = "_FILE"                          // the value is in the file of that name
)

// Variable returns the environment variable that overrides a key.
func Variable(key string) string { return EnvironmentPrefix + strings.ToUpper(key) }

// variables returns our variables that are set and not empty.
func variables(environ []string) map[string]string {
	set := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvironmentPrefix) {
			continue
		}
		delete(set, name) // of two with one name the last counts, as os/exec has it
		if value != "" {
			set[name] = value
		}
	}
	return set
}

// readEnvironment takes the keys that variables set. The four credentials come
// later; here they are only not unknown.
func (l *loader) readEnvironment() {
	for _, name := range slices.Sorted(maps.Keys(l.environ)) {
		k := strings.ToLower(strings.TrimPrefix(name, EnvironmentPrefix))
		known, ok := find(k)
		if ok && name == Variable(k) {
			text := l.environ[name]
			if known.Secret {
				text = l.trimmed(name, text)
			}
			l.config.origins[k] = origin{file: fromEnvironment, name: name, text: text}
			continue
		}
		if name == parentVariable || strings.HasPrefix(name, testPrefix) || slices.Contains(secretVariables(), name) || slices.Contains(storageVariables(), name) {
			continue
		}
		l.warnVariable(name)
	}
}

func (l *loader) warnVariable(name string) {
	var known []string
	for _, k := range keyNames() {
		known = append(known, Variable(k))
	}
	suffix := ""
	if near := Nearest(strings.TrimPrefix(name, EnvironmentPrefix), trimPrefixes(slices.Concat(known, secretVariables(), storageVariables()))); near != "" {
		suffix = ": did you mean " + EnvironmentPrefix + near + "?"
	}
	l.warn("environment: unknown variable %s%s", name, suffix)
}

func trimPrefixes(names []string) []string {
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], EnvironmentPrefix)
	}
	return names
}

// secretVariables returns the variables of the four credentials.
func secretVariables() []string {
	var names []string
	for _, c := range credentials {
		names = append(names, Variable(c.name), Variable(c.name)+fileSuffix)
	}
	return names
}

// Secrets says which secrets a child process needs.
type Secrets struct {
	Stream      bool
	UploadToken bool
	Storage     bool // S3's and Storj's, Amazon's own variables too
}

// ChildEnviron returns the environment for a child: base, the daemon's own
// flags as overrides, and of the variables that hold secrets only those that
// the child needs.
func ChildEnviron(base []string, flags map[string]string, needs Secrets) []string {
	drop := map[string]bool{}
	for _, name := range secretVariables() {
		drop[name] = !needs.Stream
	}
	for _, name := range slices.Concat(storageVariables(), amazonVariables) {
		drop[name] = !needs.Storage
	}
	drop[Variable("stream_token")] = !needs.Stream
	drop[Variable("upload_token")] = !needs.UploadToken
	for name := range flags {
		drop[Variable(name)] = true
	}
	var environ []string
	for _, entry := range base {
		if name, _, _ := strings.Cut(entry, "="); !drop[name] {
			environ = append(environ, entry)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		k, _ := find(name)
		if k.Secret && !(needs.UploadToken && name == "upload_token") && !(needs.Stream && name == "stream_token") {
			continue
		}
		environ = append(environ, Variable(name)+"="+flags[name])
	}
	return environ
}
