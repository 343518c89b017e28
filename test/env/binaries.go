package env

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Binaries are the programs that an environment runs. `make tools build` makes them.
type Binaries struct {
	Root       string // of the repository
	Controller string
	Cluster    string
}

// Locate finds the programs in bin/ of the repository that the working directory is in.
// CONTROLLER names another controller.
func Locate() (Binaries, error) {
	root, err := root()
	if err != nil {
		return Binaries{}, err
	}
	b := Binaries{Root: root, Controller: filepath.Join(root, "bin", "controller"), Cluster: filepath.Join(root, "bin", "cluster")}
	if other := os.Getenv("CONTROLLER"); other != "" {
		b.Controller = other
	}
	for _, path := range []string{b.Controller, b.Cluster} {
		if _, err := os.Stat(path); err != nil {
			return Binaries{}, fmt.Errorf("%s is missing: run `make tools build`", path)
		}
	}
	return b, nil
}

// KubernetesBinaries returns the folder of etcd, kube-apiserver, kubectl and the others, building it where it is missing.
// args are those of `cluster build`.
func (b Binaries) KubernetesBinaries(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, b.Cluster, append([]string{"build"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("building the embedded control plane: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		module, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(module), "module github.com/karpenter-kubeadm/karpenter-provider-aws\n") {
			return dir, nil
		}
	}
	return "", errors.New("the working directory is not inside the repository")
}
