package image

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// files holds what packages and images have beside programs, laid out as on the machine.
//
//go:embed files
var files embed.FS

const (
	kubernetesHost = "pkgs.k8s.io"
	archiveHost    = "deb.debian.org"
	archivePath    = "debian"
)

// debian is one package to build.
type debian struct {
	name, version string
	// more are folders of files/packages that the package has beside its own.
	more []string
	// programs are installed under the paths that are their keys.
	programs map[string]string
	// links are made, from path to target.
	links map[string]string
}

// repository is one that the machines' package manager reads, as a folder below its host's.
type repository struct {
	host, path string
	packages   []debian
}

// repositoryList says which packages there are, and which of them each repository has.
func (b Builder) repositoryList(ctx context.Context, programs string) ([]repository, error) {
	version := map[string]string{}
	for _, module := range []string{"github.com/containerd/containerd/v2", "github.com/opencontainers/runc", "github.com/containernetworking/plugins"} {
		out, err := b.goTool(ctx, filepath.Join(b.Root, "test", "node", "programs"), nil, "list", "-m", "-f", "{{.Version}}", module)
		if err != nil {
			return nil, err
		}
		version[path.Base(strings.TrimSuffix(module, "/v2"))] = strings.TrimPrefix(strings.TrimSpace(string(out)), "v") + "-1"
	}
	from := func(to string, names ...string) map[string]string {
		found := map[string]string{}
		for _, name := range names {
			found[path.Join(to, name)] = filepath.Join(programs, name)
		}
		return found
	}
	kubernetes := b.Version + "-1.1"
	const multicall = "../lib/kubernetes/kube"
	return []repository{
		{host: archiveHost, path: archivePath, packages: []debian{
			{name: "containerd", version: version["containerd"], programs: from("usr/bin", "containerd", "containerd-shim-runc-v2", "ctr")},
			{name: "runc", version: version["runc"], programs: from("usr/sbin", "runc")},
		}},
		{host: kubernetesHost, path: b.kubernetesPath(), packages: []debian{
			{name: "kubernetes-programs", version: kubernetes, programs: map[string]string{"usr/lib/kubernetes/kube": filepath.Join(b.Kubernetes, "kube")}},
			{name: "kubernetes-cni", version: version["plugins"], programs: from("opt/cni/bin", "host-local", "loopback", "portmap", "ptp")},
			{name: "kubelet", version: kubernetes, links: map[string]string{"usr/bin/kubelet": multicall}},
			{name: "kubeadm", version: kubernetes, more: b.kubeadmExtras(), links: map[string]string{"usr/bin/kubeadm": multicall}},
			{name: "kubectl", version: kubernetes, links: map[string]string{"usr/bin/kubectl": multicall}},
		}},
	}, nil
}

// kubernetesPath is where pkgs.k8s.io has the packages of the version's minor.
func (b Builder) kubernetesPath() string {
	return "core:/stable:/v" + Minor(b.Version) + "/deb"
}

// Minor is the minor of a release: "1.36" of "1.36.3".
func Minor(release string) string { return release[:strings.LastIndex(release, ".")] }

// RefusesV1 reports whether a release's kubelet and kubeadm refuse a machine with cgroup v1, unless told otherwise.
func RefusesV1(release string) bool {
	minor, err := strconv.Atoi(strings.TrimPrefix(Minor(release), "1."))
	return err != nil || minor >= 35
}

// kubeadmExtras let kubeadm join on cgroup v1.
func (b Builder) kubeadmExtras() []string {
	if RefusesV1(b.Version) {
		return []string{"kubeadm-on-cgroup-v1"}
	}
	return nil
}

// pack builds one package into dir.
func (d debian) pack(ctx context.Context, dir string) error {
	tree, err := os.MkdirTemp(dir, "package-")
	if err != nil {
		return fmt.Errorf("packing %s: %w", d.name, err)
	}
	defer func() { _ = os.RemoveAll(tree) }()
	if err := os.Chmod(tree, 0o755); err != nil { // it becomes the machine's root folder
		return err
	}
	words := strings.NewReplacer("@VERSION@", d.version, "@ARCH@", architecture())
	for _, name := range append([]string{d.name}, d.more...) {
		if err := lay(path.Join("files", "packages", name), tree, words); err != nil {
			return fmt.Errorf("packing %s: %w", d.name, err)
		}
	}
	for to, from := range d.programs {
		if err := copyFile(from, filepath.Join(tree, to), 0o755); err != nil {
			return fmt.Errorf("packing %s: %w", d.name, err)
		}
	}
	for at, target := range d.links {
		if err := link(target, filepath.Join(tree, at)); err != nil {
			return fmt.Errorf("packing %s: %w", d.name, err)
		}
	}
	file := filepath.Join(dir, fmt.Sprintf("%s_%s_%s.deb", d.name, d.version, architecture()))
	// Not compressed: it is read from this machine's disk once per node.
	_, err = command{Path: "dpkg-deb", Args: []string{"--build", "--root-owner-group", "-Znone", tree, file}}.run(ctx)
	return err
}

// lay copies an embedded tree to dir, with words replaced. Programs become executable.
func lay(tree, dir string, words *strings.Replacer) error {
	return fs.WalkDir(files, tree, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		target := filepath.Join(dir, strings.TrimPrefix(name, tree))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(string(content), "#!") {
			mode = 0o755
		}
		return os.WriteFile(target, []byte(words.Replace(string(content))), mode)
	})
}

// treeText is everything that files has below tree, for hashes.
func treeText(tree string) (string, error) {
	var text strings.Builder
	err := fs.WalkDir(files, tree, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		text.WriteString(name + "\n" + string(content))
		return err
	})
	return text.String(), err
}

func link(target, at string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.Symlink(target, at)
}

func copyFile(from, to string, mode fs.FileMode) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
