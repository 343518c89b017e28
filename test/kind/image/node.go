package image

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// files is what a node has beside kind's own files, laid out as there.
//
//go:embed files
var files embed.FS

const filesRoot = "files/node"

// node is the layer that makes test/node's file system that of a kind node.
func (b Builder) node(ctx context.Context, programs string) (string, error) {
	kind, err := b.kindFiles(ctx)
	if err != nil {
		return "", err
	}
	own, err := ownText()
	if err != nil {
		return "", err
	}
	inputs := []string{filepath.Base(programs), kind, own, b.Node.Kubernetes, strings.Join(names(b.Node.Baked), ":"), strings.Join(kubeProxyPackages(), ",")}
	return b.step("node", inputs, func(dir string) error {
		return errors.Join(layKind(kind, dir), layOwn(dir), b.configure(dir), b.images(ctx, programs, filepath.Join(dir, "opt/images")))
	})
}

func names(paths []string) []string {
	out := make([]string, 0, len(paths))
	for _, path := range paths {
		out = append(out, filepath.Base(path))
	}
	return out
}

// kindsFiles are those of kind's image that a node needs here: Docker containers without a
// user namespace, whose runtime is containerd with the overlay snapshotter.
func kindsFiles() []string {
	return []string{
		"etc/default/kubelet", "etc/sysctl.d/*.conf", "etc/systemd/system/kubelet.service", "etc/systemd/system/kubelet.slice",
		"etc/systemd/system/undo-mount-hacks.service", "etc/systemd/system/kubelet.service.d/*.conf", "kind/bin/*.sh", "usr/local/bin/entrypoint",
	}
}

// layKind copies kind's files.
func layKind(from, to string) error {
	for _, pattern := range kindsFiles() {
		found, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("kind's module has no %s any more", pattern)
		}
		for _, file := range found {
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := put(filepath.Join(to, strings.TrimPrefix(file, from)), string(content)); err != nil {
				return err
			}
		}
	}
	return nil
}

// layOwn copies the embedded files.
func layOwn(to string) error {
	return eachOwn(func(name, content string) error {
		return put(filepath.Join(to, strings.TrimPrefix(name, filesRoot)), content)
	})
}

// ownText is all that is embedded, for hashes.
func ownText() (string, error) {
	var text strings.Builder
	err := eachOwn(func(name, content string) error {
		_, err := io.WriteString(&text, name+"\n"+content)
		return err
	})
	return text.String(), err
}

func eachOwn(visit func(name, content string) error) error {
	return fs.WalkDir(files, filesRoot, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		return visit(name, string(content))
	})
}

// put writes a file; programs become executable.
func put(file, content string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(content, "#!") {
		mode = 0o755
	}
	return os.WriteFile(file, []byte(content), mode)
}

// configure says which units start at boot, and which release this is.
func (b Builder) configure(dir string) error {
	wants := filepath.Join(dir, "etc/systemd/system/multi-user.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		return err
	}
	if err := os.Symlink("../undo-mount-hacks.service", filepath.Join(wants, "undo-mount-hacks.service")); err != nil {
		return err
	}
	// User data is run where an instance boots, not where kind does: to an overlay this device is a removed file.
	if err := unix.Mknod(filepath.Join(wants, "cloud-final.service"), unix.S_IFCHR, 0); err != nil {
		return fmt.Errorf("leaving cloud-init out: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "etc/kubernetes/manifests"), 0o755); err != nil {
		return err
	}
	return put(filepath.Join(dir, "kind/version"), "v"+b.Node.Kubernetes+"\n")
}

// kubeProxyPackages are what kube-proxy runs, and all that these need.
func kubeProxyPackages() []string {
	return []string{
		"conntrack", "iptables", "libc6", "libip4tc2", "libip6tc2", "libmnl0", "libnetfilter-conntrack3", "libnfnetlink0", "libnftnl11",
		"libxtables12", "kmod", "libkmod2", "liblzma5", "libssl3", "libzstd1",
	}
}

// images writes archives of the images that kubeadm asks for, but the pause image, which
// test/node's file system has, and of the pod network's. containerd imports them when it starts.
func (b Builder) images(ctx context.Context, programs, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	kube := filepath.Join(b.Node.Baked[0], "usr/lib/kubernetes/kube")
	text, err := runAs(ctx, kube, "kubeadm", "config", "images", "list", "--kubernetes-version", "v"+b.Node.Kubernetes)
	if err != nil {
		return err
	}
	kubernetes, dns := sort(strings.Fields(text))
	base := b.Node.Baked[len(b.Node.Baked)-1]
	for file, c := range map[string]container{
		"kubernetes.tar": {names: kubernetes, fill: func(l *layer) error { return fillKubernetes(l, kube, base) }},
		"dns.tar":        single(dns, filepath.Join(programs, dnsProgram), "coredns"),
		"routes.tar":     single([]string{"localhost/routes:1"}, filepath.Join(programs, routesProgram), routesProgram),
	} {
		if err := c.archive(filepath.Join(dir, file)); err != nil {
			return fmt.Errorf("packing %s: %w", file, err)
		}
	}
	return nil
}

// sort parts the images that kubeadm names by what is in them.
func sort(images []string) (kubernetes, dns []string) {
	for _, image := range images {
		switch {
		case strings.Contains(image, "/coredns:"):
			dns = append(dns, image)
		case !strings.Contains(image, "/pause:"):
			kubernetes = append(kubernetes, image)
		}
	}
	return kubernetes, dns
}

// fillKubernetes writes one image for all of Kubernetes' programs and etcd: they are one
// file, and pods say which of them they run.
func fillKubernetes(l *layer, kube, base string) error {
	if err := l.file("usr/local/bin/kube", kube); err != nil {
		return err
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"} {
		if err := l.link("usr/local/bin/"+name, "kube"); err != nil {
			return err
		}
	}
	if err := l.debian(base, kubeProxyPackages()...); err != nil {
		return err
	}
	// Links of Debian's that are not a package's but made by its alternatives.
	for _, name := range []string{"iptables", "ip6tables"} {
		for _, suffix := range []string{"", "-save", "-restore"} {
			if err := l.link("usr/sbin/"+name+suffix, "xtables-nft-multi"); err != nil {
				return err
			}
		}
	}
	return nil
}

// single is the image of one static program.
func single(names []string, from, name string) container {
	return container{names: names, entry: []string{"/" + name}, fill: func(l *layer) error { return l.file(name, from) }}
}
