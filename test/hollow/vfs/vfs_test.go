package vfs_test

import (
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

func tree(t *testing.T) *vfs.FS {
	t.Helper()
	f := vfs.New()
	g := NewWithT(t)
	g.Expect(f.Put("/etc/motd", []byte("hello"), 0o644)).To(Succeed())
	g.Expect(f.Symlink("/etc/motd", "/etc/absolute")).To(Succeed())
	g.Expect(f.Symlink("motd", "/etc/relative")).To(Succeed())
	g.Expect(f.Symlink("../etc", "/etc/up")).To(Succeed())
	g.Expect(f.Symlink("loop", "/loop")).To(Succeed())
	return f
}

func TestReadFile(t *testing.T) {
	for name, tc := range map[string]struct {
		path string
		err  error
	}{
		"plain":                          {path: "/etc/motd"},
		"doubled slashes and dots":       {path: "//etc/./motd"},
		"parent of the root is the root": {path: "/../../etc/motd"},
		"absolute link":                  {path: "/etc/absolute"},
		"relative link":                  {path: "/etc/relative"},
		"link to a directory in between": {path: "/etc/up/motd"},
		"missing":                        {path: "/etc/passwd", err: syscall.ENOENT},
		"missing directory":              {path: "/nowhere/x", err: syscall.ENOENT},
		"file as directory":              {path: "/etc/motd/x", err: syscall.ENOTDIR},
		"directory":                      {path: "/etc", err: syscall.EISDIR},
		"link to itself":                 {path: "/loop", err: syscall.ELOOP},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			data, err := tree(t).ReadFile(tc.path)
			if tc.err != nil {
				g.Expect(err).To(MatchError(tc.err))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(data)).To(Equal("hello"))
		})
	}
}

func TestCloneIsApart(t *testing.T) {
	g := NewWithT(t)
	image := tree(t)
	one, two := image.Clone(), image.Clone()
	g.Expect(one.Append("/etc/motd", []byte(" one"), 0o644)).To(Succeed())
	g.Expect(two.Append("/etc/motd", []byte(" two"), 0o644)).To(Succeed())
	g.Expect(two.RemoveAll("/etc/relative")).To(Succeed())
	for f, want := range map[*vfs.FS]string{image: "hello", one: "hello one", two: "hello two"} {
		data, err := f.ReadFile("/etc/motd")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(data)).To(Equal(want))
	}
	g.Expect(one.Exists("/etc/relative")).To(BeTrue())
}

func TestChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*vfs.FS) error
		path   string
		want   OmegaMatcher
		err    error
	}{
		"write through a link changes its target": {
			change: func(f *vfs.FS) error { return f.WriteFile("/etc/relative", []byte("x"), 0o600) },
			path:   "/etc/motd", want: Equal("x")},
		"write into a missing directory": {
			change: func(f *vfs.FS) error { return f.WriteFile("/no/x", nil, 0o600) }, err: syscall.ENOENT},
		"rename replaces": {
			change: func(f *vfs.FS) error { _ = f.Put("/a", []byte("a"), 0o600); return f.Rename("/a", "/etc/motd") },
			path:   "/etc/motd", want: Equal("a")},
		"rename into itself": {
			change: func(f *vfs.FS) error { return f.Rename("/etc", "/etc/x") }, err: syscall.EINVAL},
		"remove of a full directory": {
			change: func(f *vfs.FS) error { return f.Remove("/etc") }, err: syscall.ENOTEMPTY},
		"remove of a link keeps the target": {
			change: func(f *vfs.FS) error { return f.Remove("/etc/absolute") }, path: "/etc/motd", want: Equal("hello")},
		"remove of all below": {
			change: func(f *vfs.FS) error { return f.RemoveAll("/etc") }, path: "/etc/motd", want: BeEmpty()},
		"mkdir twice": {
			change: func(f *vfs.FS) error { return f.Mkdir("/etc", 0o755) }, err: syscall.EEXIST},
		"mkdir below a file": {
			change: func(f *vfs.FS) error { return f.MkdirAll("/etc/motd/x", 0o755) }, err: syscall.ENOTDIR},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := tree(t)
			err := tc.change(f)
			if tc.err != nil {
				g.Expect(err).To(MatchError(tc.err))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			data, _ := f.ReadFile(tc.path)
			g.Expect(string(data)).To(tc.want)
		})
	}
}

func TestOpenFile(t *testing.T) {
	g := NewWithT(t)
	f := tree(t)
	write := func(flag int, texts ...string) error {
		h, err := f.OpenFile("/etc/motd", flag, 0o644)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if _, err := io.WriteString(h, text); err != nil {
				return err
			}
		}
		return h.Close()
	}
	content := func() string { data, _ := f.ReadFile("/etc/motd"); return string(data) }

	g.Expect(write(os.O_WRONLY, "J", "E")).To(Succeed())
	g.Expect(content()).To(Equal("JEllo"))
	g.Expect(write(os.O_WRONLY|os.O_APPEND, "!", "?")).To(Succeed())
	g.Expect(content()).To(Equal("JEllo!?"))
	g.Expect(write(os.O_WRONLY|os.O_TRUNC|os.O_CREATE, "new", " one")).To(Succeed())
	g.Expect(content()).To(Equal("new one"))
	g.Expect(write(os.O_RDONLY, "x")).To(MatchError(syscall.EBADF))
	g.Expect(write(os.O_WRONLY|os.O_CREATE|os.O_EXCL, "x")).To(MatchError(fs.ErrExist))
	g.Expect(f.Chmod("/etc/motd", 0o755)).To(Succeed())
	info, err := f.Stat("/etc/relative")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode()).To(Equal(fs.FileMode(0o755)))
}
