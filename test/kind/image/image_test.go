package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// read returns the files of a tar file.
func read(t *testing.T, from io.Reader) map[string]string {
	t.Helper()
	g := NewWithT(t)
	found := map[string]string{}
	for entries := tar.NewReader(from); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		g.Expect(err).NotTo(HaveOccurred())
		content, err := io.ReadAll(entries)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found).NotTo(HaveKey(header.Name), "a name is written once")
		found[header.Name] = string(content)
		if header.Typeflag == tar.TypeSymlink {
			found[header.Name] = "-> " + header.Linkname
		}
	}
}

func TestArchiveIsAnOCILayoutWhoseDigestsAgree(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	g.Expect(os.WriteFile(program, []byte("text"), 0o755)).To(Succeed())
	file := filepath.Join(dir, "image.tar")
	g.Expect(single([]string{"localhost/a:1", "localhost/b:1"}, program, "a").archive(file)).To(Succeed())

	in, err := os.Open(file)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = in.Close() })
	layout := read(t, in)
	for name, content := range layout {
		if digest, found := strings.CutPrefix(name, "blobs/sha256/"); found {
			sum := sha256.Sum256([]byte(content))
			g.Expect(hex.EncodeToString(sum[:])).To(Equal(digest))
		}
	}
	var index struct{ Manifests []descriptor }
	g.Expect(json.Unmarshal([]byte(layout["index.json"]), &index)).To(Succeed())
	g.Expect(index.Manifests).To(HaveLen(2))
	g.Expect(index.Manifests[1].Annotations).To(HaveKeyWithValue("io.containerd.image.name", "localhost/b:1"))
	var manifest struct{ Layers []descriptor }
	g.Expect(json.Unmarshal([]byte(layout[blob(index.Manifests[0].Digest)]), &manifest)).To(Succeed())
	g.Expect(read(t, strings.NewReader(layout[blob(manifest.Layers[0].Digest)]))).To(Equal(map[string]string{"a": "text"}))

	left, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(HaveLen(2), "nothing temporary stays")
}

func TestPackagesAreCopiedWithFoldersMerged(t *testing.T) {
	g := NewWithT(t)
	root := t.TempDir()
	for name, content := range map[string]string{
		"usr/lib/x86/libc.so": "library", "usr/sbin/tool": "program", "usr/share/doc/tool": "text",
		"var/lib/dpkg/info/tool.list":       "/.\n/sbin\n/sbin/tool\n/usr/share/doc/tool\n/var/cache/gone\n",
		"var/lib/dpkg/info/tool-more.list":  "/usr/bin/never\n",
		"var/lib/dpkg/info/libc:amd64.list": "/lib/x86/libc.so\n/lib/x86/libc.so.1\n/lib/x86/libc.so\n",
	} {
		g.Expect(put(filepath.Join(root, name), content)).To(Succeed())
	}
	g.Expect(os.Symlink("libc.so", filepath.Join(root, "usr/lib/x86/libc.so.1"))).To(Succeed())

	var out strings.Builder
	l := &layer{writer: tar.NewWriter(&out), made: map[string]bool{}}
	g.Expect(l.debian(root, "tool", "libc")).To(Succeed())
	g.Expect(l.writer.Close()).To(Succeed())
	_, err := packageFiles(root, "absent")
	g.Expect(err).To(MatchError(fs.ErrNotExist))
	g.Expect(read(t, strings.NewReader(out.String()))).To(And(
		HaveKeyWithValue("usr/sbin/tool", "program"), HaveKeyWithValue("usr/lib/x86/libc.so", "library"),
		HaveKeyWithValue("usr/lib/x86/libc.so.1", "-> libc.so"), HaveKeyWithValue("lib", "-> usr/lib"),
		Not(HaveKey("usr/bin/never")), Not(HaveKey("usr/share/doc/tool")), Not(HaveKey("sbin/tool")),
	))
}

func TestImagesOfKubeadmAreSorted(t *testing.T) {
	kubernetes, dns := sort([]string{"r/kube-apiserver:v1", "r/coredns/coredns:v1", "r/pause:3", "r/etcd:3"})
	g := NewWithT(t)
	g.Expect(kubernetes).To(Equal([]string{"r/kube-apiserver:v1", "r/etcd:3"}))
	g.Expect(dns).To(Equal([]string{"r/coredns/coredns:v1"}))
}

func TestStepIsDoneOnceAndReplacesTheOneOfOtherInputs(t *testing.T) {
	g := NewWithT(t)
	b := Builder{Cache: t.TempDir(), Out: io.Discard}
	built := 0
	build := func(dir string) error {
		built++
		return os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
	}
	first, err := b.step("part", []string{"a"}, build)
	g.Expect(err).NotTo(HaveOccurred())
	again, err := b.step("part", []string{"a"}, build)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(first))
	g.Expect(built).To(Equal(1))

	_, err = b.step("part", []string{"b"}, func(string) error { return context.Canceled })
	g.Expect(err).To(MatchError(context.Canceled))
	left, err := os.ReadDir(b.Cache)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(BeEmpty(), "neither the old part nor half of the new one stays")
}
