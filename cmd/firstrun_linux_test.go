//go:build unix

package cmd_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// person sits at a terminal on which a daemon runs.
type person struct {
	*proc
	master *os.File
	shown  chan struct{} // closed: nothing more will be in out
	read   int           // how much of out has been looked at
}

// sit starts a daemon on a terminal of its own.
func (w *world) sit(args ...string) *person {
	w.t.Helper()
	w.leavesNothing()
	master, slave := terminal(w.t)
	p := &person{proc: prepare(w.t, filepath.Join(bin, "daemon"), append(args, "-c", w.config)...), master: master, shown: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.run()
	slave.Close()
	go func() {
		defer close(p.shown)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			_, _ = p.out.Write(b[:n])
			if err != nil {
				return // EIO: the last process has left the terminal
			}
		}
	}()
	w.t.Cleanup(func() { <-p.ended; master.Close(); <-p.shown })
	return p
}

// terminal returns both ends of a pseudo terminal.
func terminal(t testing.TB) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	conn, err := master.SyscallConn() // Fd would make reads uninterruptible
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var failed error
	err = conn.Control(func(fd uintptr) {
		if n, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); failed == nil {
			failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		}
	})
	if err != nil || failed != nil {
		t.Fatalf("unlock the terminal: %v, %v", err, failed)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	return master, slave
}

// asked waits for a prompt that was not seen before and returns what was shown
// up to it.
func (p *person) asked(prompt string) string {
	p.t.Helper()
	var shown string
	eventually(p.t, "the terminal shows "+prompt, func() bool {
		over := false // looked at first: what is shown until then counts
		select {
		case <-p.shown:
			over = true
		default:
		}
		text := p.out.String()[p.read:]
		i := strings.Index(text, prompt)
		switch {
		case i < 0 && over:
			p.t.Fatalf("ended before %q:\n%s", prompt, p.out)
		case i < 0:
			return false
		}
		shown = text[:i]
		p.read += i + len(prompt)
		return true
	})
	return shown
}

func (p *person) types(text string) {
	p.t.Helper()
	if _, err := p.master.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

var pagePattern = regexp.MustCompile(`http://\S+oauth_token=(\S+)`)

// pin waits for a page and returns the PIN that it shows.
func (p *person) pin(tw *sandbox.Twitter) string {
	p.t.Helper()
	page := pagePattern.FindStringSubmatch(p.asked("PIN: "))
	if page == nil {
		p.t.Fatalf("no page was shown:\n%s", p.out)
	}
	pin, ok := tw.PIN(page[1])
	if !ok {
		p.t.Fatalf("the page %s is not the sandbox's", page[0])
	}
	return pin
}

// newcomer is a world in which nothing was ever authorised.
func newcomer(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 100}, sandbox.NodeConfig{}, quick("warn", "1"))
	for _, name := range []string{"config_twitter_api.ini", "config_twitter_oauth.ini"} {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, w.config, "; a comment of mine\n"+strings.ReplaceAll(w.text("config.ini"), "warn = 1\n", "# shall it?\nwarn = 1\n\n"))
	return w
}

func TestFirstRun(t *testing.T) {
	t.Parallel()
	w := newcomer(t)
	before := w.text("config.ini")
	c := w.tw.Credentials()
	d := w.sit()
	has(t, "the notice", d.asked("App key: "), "plain", "config_twitter_api.ini", "shown once")
	d.types("  " + c.ConsumerKey + " \n")
	d.asked("App secret")
	eventually(t, "the echo is off", func() bool { return !d.echoes() })
	d.types(c.ConsumerSecret + "\n")
	pin := d.pin(w.tw)
	if !d.echoes() {
		t.Error("the echo stayed off after the secret")
	}
	d.types(pin[:3] + " " + pin[3:] + "\n")
	d.asked("you will not be asked again")
	w.bothWork(d.proc)
	d.types("\x03") // Ctrl-C
	if code := d.wait(); code != 0 {
		t.Errorf("Ctrl-C ended it with %d, want 0", code)
	}
	if strings.Contains(d.out.String(), c.ConsumerSecret) {
		t.Errorf("the secret was shown:\n%s", d.out)
	}
	if want := strings.Replace(before, "warn = 1", "warn = 0", 1); w.text("config.ini") != want {
		t.Errorf("config.ini is\n%s\nwant\n%s", w.text("config.ini"), want)
	}
	w.savedForPython(c)
	for _, name := range []string{"daemon.log", "grabber.log", "error.log", "grabber.out"} {
		if strings.Contains(w.text("logs/"+name), "oauth_token") {
			t.Errorf("%s holds the page's URL", name)
		}
	}
	again := w.sit()
	w.bothWork(again.proc)
	if said := again.out.String(); strings.Contains(said, "PIN") || strings.Contains(said, "App key") || strings.Contains(said, "shown once") {
		t.Errorf("the second start asks or warns again:\n%s", said)
	}
	again.types("\x03")
	if code := again.wait(); code != 0 {
		t.Errorf("the second one ended with %d, want 0", code)
	}
}

func (p *person) echoes() bool {
	p.t.Helper()
	conn, err := p.master.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	var state *unix.Termios
	if err := conn.Control(func(fd uintptr) { state, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) }); err != nil {
		p.t.Fatal(err)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// savedForPython checks both token files as the original would read them.
func (w *world) savedForPython(c sandbox.Credentials) {
	w.t.Helper()
	for name, want := range map[string]string{"config_twitter_api.ini": c.ConsumerSecret, "config_twitter_oauth.ini": ""} {
		path := filepath.Join(w.dir, name)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			w.t.Errorf("%s: %v, %v; want mode 0600", name, info, err)
			continue
		}
		python, err := exec.LookPath("python3")
		if err != nil {
			w.t.Log("no python3 here to read the files by")
			continue
		}
		out, err := exec.Command(python, "-c", `import configparser, sys
c = configparser.RawConfigParser(); c.read(sys.argv[1]); print(dict(c.defaults()))`, path).CombinedOutput()
		if err != nil || want != "" && !strings.Contains(string(out), want) {
			w.t.Errorf("Python reads %s as %s (%v)", name, out, err)
		}
	}
}

func TestFirstRunWrongPIN(t *testing.T) {
	t.Parallel()
	w := newcomer(t)
	c := w.tw.Credentials()
	d := w.sit()
	d.asked("App key: ")
	d.types(c.ConsumerKey + "\n")
	d.asked("App secret")
	d.types(c.ConsumerSecret + "\n")
	for range 3 {
		d.pin(w.tw)
		d.types("1234\n")
	}
	if code := d.wait(); code != 4 {
		t.Errorf("exit %d after three wrong PINs, want 4", code)
	}
	d.settle()
	has(t, "the terminal", d.out.String(), "did not accept that PIN", "1 try left", "3 PINs were refused", "daemon auth")
	if w.text("config_twitter_oauth.ini") != "" {
		t.Error("a token was saved")
	}
	if !strings.Contains(w.text("config_twitter_api.ini"), c.ConsumerKey) {
		t.Error("the application key, which was accepted, was not saved")
	}
	// auth goes on where it stopped: it asks for the PIN alone.
	auth := w.sit("auth")
	auth.types(auth.pin(w.tw) + "\n")
	if code := auth.wait(); code != 0 {
		t.Errorf("auth exited %d, want 0", code)
	}
	if strings.Contains(auth.out.String(), "App key") {
		t.Errorf("auth asks for the key again:\n%s", auth.out)
	}
}

// settle waits until the last thing that was written is shown.
func (p *person) settle() {
	p.t.Helper()
	eventually(p.t, "the terminal has shown all", func() bool { return strings.Contains(p.out.String(), "hint: ") })
}

func TestFirstRunRefusedKey(t *testing.T) {
	t.Parallel()
	w := newcomer(t)
	c := w.tw.Credentials()
	d := w.sit("auth")
	for i, secret := range []string{"wrong", c.ConsumerSecret} {
		d.asked("App key: ")
		d.types(c.ConsumerKey + "\n")
		d.asked("App secret")
		d.types(secret + "\n")
		if i == 0 {
			d.asked("Twitter refused this key")
			if w.text("config_twitter_api.ini") != "" {
				t.Error("a refused key was saved")
			}
		}
	}
	d.types(d.pin(w.tw) + "\n")
	if code := d.wait(); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	w.savedForPython(c)
}

func TestFirstRunTroubles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, fault string
		code        int
		says        []string
	}{
		{"wrong clock", "skew=40m", 4, []string{"clock"}},
		{"overloaded", "oauth-503", 1, []string{"503"}},
		{"no network", "", 1, []string{"network"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newcomer(t)
			if tt.fault == "" {
				w.tw.Close()
			} else if err := w.tw.SetFault(tt.fault); err != nil {
				t.Fatal(err)
			}
			d := w.sit("auth")
			d.asked("App key: ")
			d.types(w.tw.Credentials().ConsumerKey + "\n")
			d.asked("App secret")
			d.types(w.tw.Credentials().ConsumerSecret + "\n")
			if code := d.wait(); code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			d.settle()
			has(t, "the terminal", d.out.String(), append(tt.says, "nothing was saved")...)
			if w.text("config_twitter_api.ini") != "" {
				t.Error("something was saved")
			}
		})
	}
}

// TestFirstRunWithoutATerminal ends instead of hanging.
func TestFirstRunWithoutATerminal(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"auth"}} {
		w := newcomer(t)
		code, out := w.run("daemon", args...)
		if code != 3 {
			t.Errorf("daemon %v exited %d, want 3", args, code)
		}
		has(t, "it", out, "daemon auth -c "+w.config, "no terminal")
		for _, a := range w.tw.Attempts() {
			t.Errorf("asked for %s: %d, %s", a.Path, a.Status, http.StatusText(a.Status))
		}
	}
	// Unattended, all four can come from files.
	w := newcomer(t)
	c := w.tw.Credentials()
	var env []string
	for name, secret := range map[string]string{"CONSUMER_KEY": c.ConsumerKey, "CONSUMER_SECRET": c.ConsumerSecret,
		"OAUTH_TOKEN": c.OAuthToken, "OAUTH_TOKEN_SECRET": c.OAuthTokenSecret} {
		path := filepath.Join(w.dir, "config-"+name)
		put(t, path, secret+"\n")
		env = append(env, "TWITTER_STREAM_"+name+"_FILE="+path)
	}
	w.leavesNothing()
	d := startEnv(t, env, "daemon", "-c", w.config)
	w.bothWork(d)
	d.stop()
}

// TestFirstRunInterrupted: Ctrl-C at a question leaves a terminal that echoes.
func TestFirstRunInterrupted(t *testing.T) {
	t.Parallel()
	w := newcomer(t)
	d := w.sit()
	d.asked("App key: ")
	d.types("a-key\n")
	d.asked("App secret")
	eventually(t, "the echo is off", func() bool { return !d.echoes() })
	d.types("\x03")
	if code := d.wait(); code != 3 {
		t.Errorf("exit %d, want 3: nothing is authorised", code)
	}
	d.settle()
	has(t, "the terminal", d.out.String(), "nothing was saved")
	if w.text("config_twitter_api.ini") != "" {
		t.Error("something was saved")
	}
}

// TestInitAsks: what a network needs is asked for, and the server's own word
// on where it streams is taken.
func TestInitAsks(t *testing.T) {
	t.Parallel()
	server, last := eventServer(t)
	w := &world{t: t, dir: t.TempDir()}
	w.config = filepath.Join(w.dir, "config.ini")
	p := w.sit("init", "mastodon", "--set", "upload_url=none")
	p.asked("Server: ")
	p.types(server.URL + "\n")
	p.asked("Access token")
	p.types("sesame\n")
	p.asked("it works")
	if code := p.wait(); code != 0 {
		t.Fatalf("exit %d:\n%s", code, p.out)
	}
	if last().Get("Authorization") != "Bearer sesame" || strings.Contains(p.out.String(), "sesame") {
		t.Errorf("the token was not sent, or shown:\n%s", p.out)
	}
	if text := w.text("config.ini"); !strings.Contains(text, "stream_url = "+server.URL+"/api/v1/streaming/public\n") {
		t.Errorf("stream_url is not what the server said:\n%s", text)
	}
}
