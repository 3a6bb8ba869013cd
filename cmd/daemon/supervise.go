package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/logging"
	"github.com/storj/twitter-stream/pkg/process"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/supervisor"
)

// supervise sets up what is missing, then keeps the children alive until the
// daemon is asked to stop, at whatever moment that is.
func supervise(parent context.Context, frame *app.Frame) error {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	oneProcessor()
	_ = process.NoCoreDump() // the worst case is a core file in the owner's own directory
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	spool, err := openStore(cfg)
	if err != nil {
		return err
	}
	defer spool.Close()
	lock, err := spool.Lock(ctx, store.RoleDaemon, frame.Holder())
	if err != nil {
		return err
	}
	defer lock.Close()
	log := frame.OpenLog(cfg)
	// Before the first question: nobody should look for keys to a dead service.
	warnDeadDefaults(cfg, func(sentence string) { log.Warn(sentence) })
	if err := firstRun(ctx, frame, cfg, spool, false); err != nil {
		return err
	}
	d := &daemon{frame: frame, cfg: cfg, spool: spool, log: log.Entry}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if ctx.Err() != nil { // asked before anybody listened to signals
		return nil
	}
	return d.run(parent, lock, signals)
}

// openStore opens the store to run on it, and makes it where there is none.
func openStore(cfg *config.Config) (*store.Store, error) {
	return store.Open(store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, Create: true, Name: app.NewStoreName(cfg)})
}

// lookAtStore opens the store to read from it.
func lookAtStore(cfg *config.Config) (*store.Store, error) {
	return store.Open(store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, ReadOnly: true})
}

// daemon is a running daemon: what SIGHUP needs to read the configuration
// again.
type daemon struct {
	frame *app.Frame
	cfg   *config.Config
	spool *store.Store
	log   *logrus.Entry
}

func (d *daemon) run(parent context.Context, lock *store.Lock, signals <-chan os.Signal) error {
	settings, err := d.supervision(d.cfg)
	if err != nil {
		return err
	}
	previous, _ := d.spool.ReadState(store.StateDaemon) // a missing or broken one is as good as none
	s, err := supervisor.New(settings, supervisor.Deps{
		Log:         d.log,
		WriteStatus: func(data []byte) error { return d.spool.WriteState(store.StateDaemon, data, false) },
		Check:       lock.Check,
		Previous:    previous,
		Version:     app.Version(),
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(parent)
	defer stop()
	go d.obey(signals, s, stop)
	if d.frame.Verbose() {
		go logging.Follow(ctx, d.childLogs(), d.frame.Err)
	}
	d.log.WithFields(logrus.Fields{"store": d.cfg.StoreDir, "logs": d.cfg.LogDir, "version": app.Version()}).Info("daemon started; 'daemon status' shows what goes on")
	return s.Run(ctx)
}

// sameWish is how soon after the first a second signal is the same one told twice,
// as timeout(1) does, to the process and to its group: on a busy machine these
// are some time apart, and nobody presses a key twice so fast.
const sameWish = 100 * time.Millisecond

// obey stops the daemon at the first SIGINT or SIGTERM, ends the children at
// once at the second, and reads the configuration again at SIGHUP.
func (d *daemon) obey(signals <-chan os.Signal, s *supervisor.Supervisor, stop func()) {
	asked := false
	for sig := range signals {
		switch {
		case sig == syscall.SIGHUP:
			d.reload(s)
		case asked:
			d.log.Warn("asked again to stop: children are killed")
			s.Kill()
		default:
			d.log.Info("asked to stop: children get ten seconds to finish")
			stop()
			asked = true
			time.Sleep(sameWish)
			for len(signals) > 0 { // what has come meanwhile is the same wish
				<-signals
			}
		}
	}
}

// reload hands a changed configuration to the supervisor, or says why not.
func (d *daemon) reload(s *supervisor.Supervisor) {
	cfg, err := d.frame.Load()
	if err == nil && (cfg.StoreDir != d.cfg.StoreDir || cfg.LogDir != d.cfg.LogDir) {
		err = errors.New("the store or log directory changed, which needs a restart of the daemon")
	}
	var settings supervisor.Config
	if err == nil {
		settings, err = d.supervision(cfg)
	}
	if err == nil {
		err = s.Reload(settings)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			d.log.WithField("err", strings.TrimSpace(line)).Error("new configuration not taken, the old one stays")
		}
		return
	}
	d.cfg = cfg
}

// supervision is what cfg asks the supervisor for: the grabber first, since it
// is to be stopped first.
func (d *daemon) supervision(cfg *config.Config) (supervisor.Config, error) {
	settings := supervisor.Config{
		HeartbeatTimeout: cfg.HeartbeatTimeout,
		RestartBackoff:   backoff.Policy{First: cfg.RestartBackoff.First, Max: cfg.RestartBackoff.Max},
	}
	if cfg.StreamURL == "-" {
		return settings, &app.ConfigError{Err: errors.New("stream_url is standard input, which the daemon cannot hand on"), Advice: "run the grabber by itself: grabber -c " + cfg.Path}
	}
	if cfg.StreamURL != "" {
		child, err := d.child(cfg, store.RoleGrabber, store.StateGrabber, config.Secrets{Stream: true})
		if err != nil {
			return settings, err
		}
		child.CredentialFiles = cfg.CredentialFiles()
		settings.Children = append(settings.Children, child)
	}
	if cfg.UploadURL != "" {
		child, err := d.child(cfg, store.RoleUploader, store.StateUploader, config.Secrets{UploadToken: true, Storage: true})
		if err != nil {
			return settings, err
		}
		child.ConfigFiles = append(child.ConfigFiles, cfg.StorageFiles()...)
		for _, rawURL := range cfg.UploadURLs {
			child.ConfigFiles = append(child.ConfigFiles, app.ArchiveMemory{Store: d.spool, URL: rawURL}.Path())
		}
		settings.Children = append(settings.Children, child)
	}
	return settings, nil
}

// child describes one of the two programs.
func (d *daemon) child(cfg *config.Config, role, state string, needs config.Secrets) (supervisor.Child, error) {
	path, err := beside(role)
	if err != nil {
		return supervisor.Child{}, err
	}
	args := []string{"-c", cfg.Path}
	if d.frame.Verbose() {
		args = append(args, "-v")
	}
	return supervisor.Child{
		Name: role, Path: path, Args: args, Dir: cfg.Dir,
		Env:         config.ChildEnviron(os.Environ(), d.frame.Flags(), needs),
		OutFile:     filepath.Join(cfg.LogDir, role+".out"),
		Status:      func() ([]byte, error) { return d.spool.ReadState(state) },
		ConfigFiles: append(cfg.CredentialFiles(), cfg.Path),
		Holder: func() (supervisor.Holder, bool) {
			holder, held, err := d.spool.Holder(role)
			return supervisor.Holder(holder), held && err == nil
		},
	}, nil
}

// beside finds a program next to this one, else in PATH.
func beside(name string) (string, error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &app.ConfigError{Err: fmt.Errorf("find %s: it is neither next to daemon nor in PATH", name), Advice: "install all three programs into one directory; 'make build' does"}
	}
	return filepath.Abs(path)
}

func (d *daemon) childLogs() []string {
	return []string{
		filepath.Join(d.cfg.LogDir, "grabber.log"),
		filepath.Join(d.cfg.LogDir, "uploader.log"),
	}
}

// configured returns the roles that cfg wants to run.
func configured(cfg *config.Config) []string {
	roles := []string{store.RoleDaemon}
	if cfg.StreamURL != "" {
		roles = append(roles, store.RoleGrabber)
	}
	if cfg.UploadURL != "" {
		roles = append(roles, store.RoleUploader)
	}
	return roles
}

// oneProcessor has one processor do all the work of this process, so that none
// is woken to help with what is done before it comes. A wait for the disk is no
// work: meanwhile the others go on. GOMAXPROCS, if set, stands.
func oneProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}
