package tools

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const manifests = "../deploy/kubernetes"

// decode reads a manifest into Kubernetes' own type: a field that it does not
// have, or has twice, is an error.
func decode[T any](t *testing.T, name string) (object T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, name))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("\n---")) {
		t.Errorf("%s holds more than one object", name)
	}
	text, err = yaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	strict, err := kjson.UnmarshalStrict(text, &object) // as the API server reads: case matters
	if err != nil || len(strict) > 0 {
		t.Errorf("%s: %v, %v", name, err, strict)
	}
	return object
}

// TestManifests checks that the manifests are Kubernetes', and that they agree
// with each other and with the image.
func TestManifests(t *testing.T) {
	t.Parallel()
	settings := decode[corev1.ConfigMap](t, "configmap.yaml")
	secret := decode[corev1.Secret](t, "secret.yaml")
	service := decode[corev1.Service](t, "service.yaml")
	set := decode[appsv1.StatefulSet](t, "statefulset.yaml")
	for name, kind := range map[string][2]string{
		"configmap": {settings.Kind, "ConfigMap"}, "secret": {secret.Kind, "Secret"}, "service": {service.Kind, "Service"}, "statefulset": {set.Kind, "StatefulSet"},
	} {
		if kind[0] != kind[1] {
			t.Errorf("%s.yaml is a %q", name, kind[0])
		}
	}
	if service.Name != set.Spec.ServiceName || service.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Errorf("the service is %q, the set wants %q", service.Name, set.Spec.ServiceName)
	}
	labels := set.Spec.Template.Labels
	for key, want := range set.Spec.Selector.MatchLabels {
		if labels[key] != want || service.Spec.Selector[key] != want {
			t.Errorf("label %s: %q in the pods, %q in the service, selected is %q", key, labels[key], service.Spec.Selector[key], want)
		}
	}
	pod := set.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Containers))
	}
	c := pod.Containers[0]
	checkMounts(t, set, c, settings.Name)
	checkPartition(t, set, c)
	checkSecurity(t, pod, c)
	if len(c.EnvFrom) != 1 || c.EnvFrom[0].SecretRef == nil || c.EnvFrom[0].SecretRef.Name != secret.Name {
		t.Errorf("the secret is %q, the container takes %+v", secret.Name, c.EnvFrom)
	}
	if *pod.TerminationGracePeriodSeconds < 40 {
		t.Errorf("a pod has %d s to stop", *pod.TerminationGracePeriodSeconds)
	}
	ini := settings.Data["config.ini"]
	for line := range strings.Lines(ini) {
		key, value, found := strings.Cut(strings.TrimSpace(line), " = ")
		if found && (strings.HasSuffix(key, "_directory") || strings.HasSuffix(key, "_filename")) && !strings.HasPrefix(value, "/data/") {
			t.Errorf("%s is %s: nothing but /data is written to", key, value)
		}
	}
}

// checkMounts checks that what is mounted is there, and that the programs are
// told of it.
func checkMounts(t *testing.T, set appsv1.StatefulSet, c corev1.Container, configMap string) {
	t.Helper()
	sources := map[string]bool{}
	for _, claim := range set.Spec.VolumeClaimTemplates {
		sources[claim.Name] = true
	}
	for _, volume := range set.Spec.Template.Spec.Volumes {
		sources[volume.Name] = true
		if volume.ConfigMap != nil && volume.ConfigMap.Name != configMap {
			t.Errorf("volume %s is of %q", volume.Name, volume.ConfigMap.Name)
		}
	}
	paths := map[string]string{}
	for _, mount := range c.VolumeMounts {
		paths[mount.MountPath] = mount.Name
		if !sources[mount.Name] {
			t.Errorf("%s is mounted and not there", mount.Name)
		}
	}
	if paths["/data"] != set.Spec.VolumeClaimTemplates[0].Name || paths["/etc/twitter-stream"] == "" {
		t.Errorf("mounted: %v", paths)
	}
	config := []string{"-c", "/etc/twitter-stream/config.ini"}
	if !slices.Equal(c.Args, config) {
		t.Errorf("args: %q", c.Args)
	}
	for name, probe := range map[string]*corev1.Probe{"liveness": c.LivenessProbe, "startup": c.StartupProbe, "readiness": c.ReadinessProbe} {
		want := []string{"/bin/daemon", "status", "--alive", config[0], config[1]}
		if name == "readiness" {
			want = slices.Delete(want, 2, 3)
		}
		if probe == nil || probe.Exec == nil || !slices.Equal(probe.Exec.Command, want) {
			t.Errorf("%s probe: %+v, want %q", name, probe, want)
		}
	}
}

// checkPartition follows the pod's number into the grabber's parameters.
func checkPartition(t *testing.T, set appsv1.StatefulSet, c corev1.Container) {
	t.Helper()
	if set.Spec.Ordinals == nil || set.Spec.Ordinals.Start != 1 {
		t.Errorf("ordinals: %+v; X counts partitions from 1", set.Spec.Ordinals)
	}
	from := ""
	for _, env := range c.Env {
		switch env.Name {
		case "PARTITION":
			from = env.ValueFrom.FieldRef.FieldPath
		case "TWITTER_STREAM_STREAM_PARAMETERS":
			if env.Value != "partition=$(PARTITION)" || from == "" {
				t.Errorf("%s is %q, behind PARTITION from %q", env.Name, env.Value, from)
			}
		}
	}
	if want := "metadata.labels['" + appsv1.PodIndexLabel + "']"; from != want {
		t.Errorf("PARTITION is from %q, want %q", from, want)
	}
}

// checkSecurity checks that the pod is what the image is made for.
func checkSecurity(t *testing.T, pod corev1.PodSpec, c corev1.Container) {
	t.Helper()
	if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser != 65532 || *s.FSGroup != 65532 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("pod: %+v", s)
	}
	if s := c.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("container: %+v", s)
	}
	file, err := os.ReadFile("../deploy/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "\nFROM scratch\n", "CGO_ENABLED=0"} {
		if !strings.Contains(string(file), want) {
			t.Errorf("the Containerfile has no %q", want)
		}
	}
	if *pod.AutomountServiceAccountToken {
		t.Error("the pod gets a token that it does not need")
	}
}
