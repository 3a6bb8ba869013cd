//go:build unix

package config

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// keepOwner gives temp the owner of the file that it will replace, so that
// root's `daemon auth` leaves the files to the user that runs the daemon.
func keepOwner(temp *os.File, path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return temp.Chown(int(owner.Uid), int(owner.Gid))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// warnLoose says that others may read a file that holds a secret.
func (l *loader) warnLoose(path string, secret bool) {
	info, err := os.Stat(path)
	if err != nil || !secret || info.Mode().Perm()&0o077 == 0 {
		return
	}
	l.warn("%s holds secrets and others may read it (mode %04o): chmod 600 %s", path, info.Mode().Perm(), shellWord(path))
}

// shellWord returns a path as it is typed to a shell.
func shellWord(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return r > '~' || r < '+' || strings.ContainsRune(";<>?[\\]^`{|}", r)
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
