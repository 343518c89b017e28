package kubeadm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// The files that kubeadm leaves on a worker.
const (
	bootstrapConfig = "/etc/kubernetes/bootstrap-kubelet.conf"
	kubeletConfig   = "/etc/kubernetes/kubelet.conf"
	caFile          = "/etc/kubernetes/pki/ca.crt"
	kubeletDir      = "/var/lib/kubelet"
)

// Command returns the program for one machine.
func Command(m *machine.Machine) shell.Command {
	return func(ctx context.Context, p *shell.Proc) int {
		if len(p.Args) < 2 {
			return p.Fail(1, "no command given")
		}
		var err error
		switch p.Args[1] {
		case "join":
			err = join(ctx, m, p)
		case "version":
			printVersion(p)
		case "reset":
			err = reset(ctx, m)
		case "config":
			err = config(m, p)
		default:
			err = fmt.Errorf("hollow machines only join: %q is not known", p.Args[1])
		}
		if err == nil {
			return 0
		}
		if preflight, ok := errors.AsType[*preflightError](err); ok {
			_, _ = fmt.Fprintln(p.Stderr, preflight.Error())
			return 2
		}
		_, _ = fmt.Fprintf(p.Stderr, "error: %v\nTo see the stack trace of this error execute with --v=5 or higher\n", err)
		return 1
	}
}

func printVersion(p *shell.Proc) {
	version := cmp.Or(p.Build(), "v0.0.0")
	if strings.Contains(strings.Join(p.Args, " "), "short") {
		p.Printf("%s\n", version)
		return
	}
	p.Printf("kubeadm version: &version.Info{GitVersion:%q}\n", version)
}

// reset takes away what join made, so that a machine can join again.
func reset(ctx context.Context, m *machine.Machine) error {
	m.Systemctl(ctx, "stop", "kubelet")
	for _, name := range []string{bootstrapConfig, kubeletConfig, path.Dir(caFile), kubeletDir} {
		if err := m.FS.RemoveAll(name); err != nil {
			return err
		}
	}
	return m.FS.MkdirAll(kubeletDir, 0o750)
}

// pauseVersion is the pause image of kubeadm 1.36.
const pauseVersion = "3.10.2"

// config answers `kubeadm config images`; there is nothing to pull.
func config(m *machine.Machine, p *shell.Proc) error {
	if len(p.Args) < 4 || p.Args[2] != "images" {
		return errors.New("hollow machines know `kubeadm config images` only")
	}
	if p.Args[3] == "list" {
		listImages(p)
	}
	if serves, _ := m.Runtime(); !serves && p.Args[3] == "pull" {
		return errors.New("failed to pull images: container runtime is not running")
	}
	return nil
}

// listImages prints what a control plane of a version runs, for scripts that look for the pause image.
func listImages(p *shell.Proc) {
	registry, version := "registry.k8s.io", p.Build()
	for words := p.Args[4:]; len(words) > 0; words = words[1:] {
		name, value, joined := strings.Cut(words[0], "=")
		if !joined && len(words) > 1 {
			value = words[1]
		}
		switch name {
		case "--image-repository":
			registry = value
		case "--kubernetes-version":
			version = value
		}
	}
	for _, image := range []string{"kube-apiserver:" + version, "kube-controller-manager:" + version, "kube-scheduler:" + version, "kube-proxy:" + version, "pause:" + pauseVersion} {
		p.Printf("%s/%s\n", registry, image)
	}
}
