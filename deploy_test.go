package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/partnergraph/partnergraph/internal/config"
	"github.com/partnergraph/partnergraph/internal/needs"
	"github.com/partnergraph/partnergraph/providers/all"
)

// TestUnit wants the unit of systemd accepted without a warning, and hardened.
func TestUnit(t *testing.T) {
	analyze := needs.Program(t, "systemd-analyze")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "partnergraph.service")
	text := strings.Replace(read(t, "deploy/systemd/partnergraph.service"), "/usr/local/bin/partnergraph", self, 1)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	// An exposure of 1.5 of 10 at most.
	if out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=15", unit).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestStopTimes wants whoever ends the process to give it as long as it takes at most.
func TestStopTimes(t *testing.T) {
	most := config.Default().Drain + finishTime + exportTime
	for path, pattern := range map[string]string{
		"deploy/systemd/partnergraph.service": `^TimeoutStopSec=(\d+)$`,
		"deploy/kubernetes/partnergraph.yaml": `terminationGracePeriodSeconds: (\d+)`,
		"compose.yaml":                        `stop_grace_period: (\d+)s`,
	} {
		given, err := time.ParseDuration(found(t, path, pattern)[0] + "s")
		if err != nil || given < most {
			t.Errorf("%s gives it %v, and it takes %v at most (%v)", path, given, most, err)
		}
	}
}

// manifests are the objects of deploy/kubernetes, by their kind.
func manifests(t *testing.T) map[string]map[string]any {
	t.Helper()
	objects := map[string]map[string]any{}
	d := yaml.NewDecoder(strings.NewReader(read(t, "deploy/kubernetes/partnergraph.yaml")))
	for {
		var object map[string]any
		err := d.Decode(&object)
		if err == io.EOF {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		objects[object["kind"].(string)] = object
	}
}

// TestKubernetes wants the configuration that the manifests hold accepted, and its ports and
// paths to be those that they name.
func TestKubernetes(t *testing.T) {
	objects := manifests(t)
	for _, kind := range []string{"ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"} {
		if objects[kind] == nil {
			t.Fatalf("there is no %s", kind)
		}
	}
	text := objects["ConfigMap"]["data"].(map[string]any)["partnergraph.yaml"].(string)
	dir := t.TempDir()
	for name, value := range map[string]string{
		"redis-cache": "redis://cache:6379", "redis-durable": "redis://durable:6379", "promotekit-key": "sk", "dashboard-key-sha256": strings.Repeat("a", 64),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Parse("partnergraph.yaml", []byte(strings.ReplaceAll(text, "/run/secrets/partnergraph", dir)), noEnv, all.Registry())
	if err != nil {
		t.Fatal(err)
	}
	deployment := fmt.Sprint(objects["Deployment"])
	for _, want := range []string{
		"containerPort:" + strings.TrimPrefix(cfg.Listen, ":"), "containerPort:" + strings.TrimPrefix(cfg.Admin.Listen, ":"),
		"path:/readyz", "path:/healthz", "replicas:3", "mountPath:/run/secrets/partnergraph", "mountPath:/etc/partnergraph", "/etc/partnergraph/partnergraph.yaml",
	} {
		if !strings.Contains(deployment, want) {
			t.Errorf("the deployment has no %s", want)
		}
	}
	if cfg.Redis.Replicas != 4 { // three, and the surge of an update
		t.Errorf("the configuration is for %d replicas", cfg.Redis.Replicas)
	}
	period := regexp.MustCompile(`periodSeconds:(\d+)`).FindStringSubmatch(deployment[strings.Index(deployment, "readinessProbe"):])
	if every, err := time.ParseDuration(period[1] + "s"); err != nil || every >= cfg.Drain {
		t.Errorf("readiness is asked for every %v, and the server drains for %v", every, cfg.Drain)
	}
}
