package plane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/process"
)

// kubeadm runs kubeadm's phases for one cluster.
type kubeadm struct {
	group      *process.Group
	bin        string
	env        []string
	file       string // the configuration
	kubernetes string // where its dry run writes
}

func (k kubeadm) run(ctx context.Context, args ...string) ([]byte, error) {
	out, err := k.group.Run(ctx, process.Command{
		Path: filepath.Join(k.bin, "kubeadm"),
		Args: args,
		Dir:  filepath.Dir(k.file),
		Env:  append(k.env[:len(k.env):len(k.env)], "KUBEADM_INIT_DRYRUN_DIR="+k.kubernetes),
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("kubeadm %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

func (k kubeadm) phase(ctx context.Context, words string, flags ...string) ([]byte, error) {
	args := append([]string{"init", "phase"}, strings.Fields(words)...)
	return k.run(ctx, append(append(args, flags...), "--config", k.file)...)
}

// version is the release the program was built as, which is also the cluster's.
func (k kubeadm) version(ctx context.Context) (string, error) {
	out, err := k.run(ctx, "version", "--output", "short")
	return strings.TrimSpace(string(out)), err
}

// files makes certificates, kubeconfigs and static pod manifests, and returns the manifests of the addons.
func (k kubeadm) files(ctx context.Context, endpoint string) ([]byte, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return k.identities(ctx, endpoint) })
	g.Go(func() error {
		if _, err := k.phase(ctx, "etcd local", "--dry-run"); err != nil {
			return err
		}
		_, err := k.phase(ctx, "control-plane all", "--dry-run")
		return err
	})
	var dns, proxy []byte
	g.Go(func() (err error) {
		if dns, err = k.phase(ctx, "addon coredns", "--print-manifest"); err != nil {
			return err
		}
		proxy, err = k.phase(ctx, "addon kube-proxy", "--print-manifest")
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return append(append(dns, "\n---\n"...), proxy...), nil
}

func (k kubeadm) identities(ctx context.Context, endpoint string) error {
	for _, phase := range []string{"certs all", "kubeconfig all"} {
		if _, err := k.phase(ctx, phase, "--dry-run"); err != nil {
			return err
		}
	}
	paths, err := filepath.Glob(filepath.Join(k.kubernetes, "*.conf"))
	if err != nil {
		return fmt.Errorf("listing kubeconfigs: %w", err)
	}
	for _, path := range paths {
		if err := retarget(path, endpoint); err != nil {
			return err
		}
	}
	return nil
}

// upload publishes what a joining node reads: kubeadm-config, kubelet-config, cluster-info, the bootstrap token of
// stock kubeadm and all its roles.
func (k kubeadm) upload(ctx context.Context) error {
	superAdmin := filepath.Join(k.kubernetes, "super-admin.conf")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		_, err := k.phase(ctx, "upload-config all", "--kubeconfig", superAdmin)
		return err
	})
	g.Go(func() error {
		_, err := k.phase(ctx, "bootstrap-token", "--kubeconfig", superAdmin, "--skip-token-print")
		return err
	})
	return g.Wait()
}

// command is the command line of a component, as kubeadm wrote it, for this folder.
func (k kubeadm) command(component string) ([]string, error) {
	manifest, err := os.ReadFile(filepath.Join(k.kubernetes, component+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the static pod of %s: %w", component, err)
	}
	line, err := command(manifest)
	if err != nil {
		return nil, err
	}
	return relocate(line, k.kubernetes), nil
}
