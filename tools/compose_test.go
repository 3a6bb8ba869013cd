package tools

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
)

// TestComposeFile checks it by Compose's own loader, and that it runs the image
// as it is meant.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	options, err := cli.NewProjectOptions([]string{"../deploy/compose.yaml"}, cli.WithName("test"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	capture, err := project.GetService("capture")
	if err != nil {
		t.Fatal(err)
	}
	if !capture.ReadOnly || capture.User != "65532:65532" || capture.Restart != types.RestartPolicyUnlessStopped || capture.StopGracePeriod.String() != "40s" {
		t.Errorf("capture: %+v", capture)
	}
	mounts := map[string]string{}
	for _, volume := range capture.Volumes {
		mounts[volume.Target] = volume.Source
	}
	if _, known := project.Volumes[mounts["/data"]]; !known || filepath.Base(mounts["/etc/twitter-stream/config.ini"]) != "config.ini" {
		t.Errorf("mounted: %v", mounts)
	}
	if _, err := os.Stat(filepath.Join(capture.Build.Context, capture.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
}

// TestConfigurations has the real daemon read the configurations of deploy/.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	daemon := filepath.Join(t.TempDir(), "daemon")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "..", "-o", daemon, "./cmd/daemon").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	image, err := os.ReadFile("../deploy/config.ini")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"config.ini":    string(image),
		"configmap":     decode[corev1.ConfigMap](t, "configmap.yaml").Data["config.ini"],
		"a wrong value": string(image) + "\nlog_max_files = many\n",
		"a wrong key":   string(image) + "\ngrabber_compres = zstd\n",
	}
	for name, text := range texts {
		path := filepath.Join(t.TempDir(), "config.ini")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), daemon, "check", "-c", path)
		// With these two nobody is asked.
		cmd.Env = append(os.Environ(), "TWITTER_STREAM_STREAM_PARAMETERS=partition=2", "TWITTER_STREAM_STREAM_URL=none", "TWITTER_STREAM_UPLOAD_URL="+t.TempDir())
		out, _ := cmd.CombinedOutput() // what it says is what counts
		good := strings.HasPrefix(string(out), "ok    configuration") && !strings.Contains(string(out), "note  configuration")
		if want := !strings.HasPrefix(name, "a wrong"); good != want {
			t.Errorf("%s: good %v, want %v: exit %d\n%s", name, good, want, cmd.ProcessState.ExitCode(), out)
		}
	}
}
