package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestStepKeepsWhatWasBuilt(t *testing.T) {
	g := NewWithT(t)
	b := Builder{Cache: t.TempDir(), Out: io.Discard}
	built := 0
	build := func(dir string) error {
		built++
		return os.WriteFile(filepath.Join(dir, "result"), nil, 0o600)
	}
	first, err := b.step("thing", []string{"a", "b"}, build)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(filepath.Join(first, "result")).To(BeARegularFile())
	again, err := b.step("thing", []string{"a", "b"}, build)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(first))
	g.Expect(built).To(Equal(1))
	other, err := b.step("thing", []string{"ab", ""}, build)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(other).NotTo(Equal(first), "inputs are told apart, not joined")
}

func TestStepLeavesNothingOfAFailure(t *testing.T) {
	g := NewWithT(t)
	b := Builder{Cache: t.TempDir(), Out: io.Discard}
	_, err := b.step("thing", nil, func(string) error { return errors.New("no disk") })
	g.Expect(err).To(MatchError("building thing: no disk"))
	g.Expect(os.ReadDir(b.Cache)).To(BeEmpty())
}

func TestMissing(t *testing.T) {
	g := NewWithT(t)
	look := func(name string) (string, error) {
		if name == "gpg" || name == "ip" {
			return "", errors.New("not found")
		}
		return "/usr/bin/" + name, nil
	}
	g.Expect(missing(look)).To(ContainElements("gpg", "iproute2"))
	g.Expect(missing(look)).NotTo(ContainElement("debootstrap"))
}

func TestCodename(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want string
		err  OmegaMatcher
	}{
		"Debian":        {text: "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_CODENAME=bookworm\n", want: "bookworm", err: BeNil()},
		"another Linux": {text: "PRETTY_NAME=\"Alpine Linux\"\nID=alpine\n", err: MatchError(ContainSubstring(`runs "Alpine Linux"`))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			file := filepath.Join(t.TempDir(), "os-release")
			g.Expect(os.WriteFile(file, []byte(tc.text), 0o600)).To(Succeed())
			got, err := codename(file)
			g.Expect(err).To(tc.err)
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestLay(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	for _, tree := range append([]string{"kubeadm"}, Builder{Version: "1.36.3"}.kubeadmExtras()...) {
		g.Expect(lay("files/packages/"+tree, dir, strings.NewReplacer("@VERSION@", "1.36.3-1.1", "@ARCH@", "amd64"))).To(Succeed())
	}
	control, err := os.ReadFile(filepath.Join(dir, "DEBIAN/control"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(control)).To(And(ContainSubstring("Version: 1.36.3-1.1\n"), ContainSubstring("kubernetes-programs (= 1.36.3-1.1)"), Not(ContainSubstring("@"+"VERSION@"))))
	for name, executable := range map[string]bool{"DEBIAN/postinst": true, "usr/local/bin/kubeadm": true, "DEBIAN/control": false} {
		info, err := os.Stat(filepath.Join(dir, name))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(info.Mode()&0o111 != 0).To(Equal(executable), name)
	}
}

func TestReleasesOnCgroupV1(t *testing.T) {
	for release, refuses := range map[string]bool{"1.36.3": true, "1.35.0": true, "1.34.4": false, "1.30.14": false, "2.0.0": true} {
		NewWithT(t).Expect(RefusesV1(release)).To(Equal(refuses), release)
	}
	NewWithT(t).Expect(Builder{Version: "1.34.4"}.kubeadmExtras()).To(BeEmpty(), "kubeadm of the user's own is not in the way")
}

func TestSweepRemovesWhatEarlierBuildsLeft(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("TMPDIR", t.TempDir())
	b := Builder{Cache: t.TempDir(), Out: io.Discard}
	signers := filepath.Join(os.TempDir(), b.signerPrefix()+"1")
	for _, dir := range []string{"base-0123", "stock-4567.part/etc", "guest-1", "mount-1/root"} {
		g.Expect(os.MkdirAll(filepath.Join(b.Cache, dir), 0o700)).To(Succeed())
	}
	fortnight := time.Now().Add(-unused - time.Hour)
	g.Expect(os.Mkdir(filepath.Join(b.Cache, "base-old"), 0o700)).To(Succeed())
	g.Expect(os.Chtimes(filepath.Join(b.Cache, "base-old"), fortnight, fortnight)).To(Succeed())
	g.Expect(os.Mkdir(signers, 0o700)).To(Succeed())
	stranger := filepath.Join(os.TempDir(), Builder{Cache: "elsewhere"}.signerPrefix()+"1")
	g.Expect(os.Mkdir(stranger, 0o700)).To(Succeed())

	g.Expect(b.sweep(t.Context())).To(Succeed())

	left, err := os.ReadDir(b.Cache)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(ConsistOf(HaveField("Name()", "base-0123")))
	g.Expect(signers).NotTo(BeADirectory())
	g.Expect(stranger).To(BeADirectory(), "of a build into another cache")
}

func TestKubernetesPath(t *testing.T) {
	NewWithT(t).Expect(Builder{Version: "1.36.3"}.kubernetesPath()).To(Equal("core:/stable:/v1.36/deb"))
}

func TestArchiveIsAnImageUnderEachName(t *testing.T) {
	g := NewWithT(t)
	program := filepath.Join(t.TempDir(), "program")
	g.Expect(os.WriteFile(program, []byte("ELF"), 0o600)).To(Succeed())
	content, err := container{names: []string{"registry.test/pause:3.10", "registry.test/pause:3.10.1"}, entry: "/pause", program: program, paths: []string{"pause"}}.archive()
	g.Expect(err).NotTo(HaveOccurred())

	found := untar(g, content)
	var index struct{ Manifests []descriptor }
	g.Expect(json.Unmarshal(found["index.json"], &index)).To(Succeed())
	g.Expect(index.Manifests).To(HaveLen(2))
	g.Expect(index.Manifests[1].Annotations).To(HaveKeyWithValue("io.containerd.image.name", "registry.test/pause:3.10.1"))
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	g.Expect(json.Unmarshal(found[blobFile(index.Manifests[0])], &manifest)).To(Succeed())
	g.Expect(found[blobFile(manifest.Config)]).To(ContainSubstring(`"Entrypoint":["/pause"]`))
	g.Expect(manifest.Layers).To(HaveLen(1))
	layer := found[blobFile(manifest.Layers[0])]
	g.Expect(layer).To(HaveLen(manifest.Layers[0].Size))
	g.Expect(digest(string(layer))).To(Equal(manifest.Layers[0].Digest))
	g.Expect(untar(g, layer)).To(HaveKeyWithValue("pause", []byte("ELF")))
}

func blobFile(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func untar(g Gomega, content []byte) map[string][]byte {
	found := map[string][]byte{}
	reader := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		g.Expect(err).NotTo(HaveOccurred())
		found[header.Name], err = io.ReadAll(reader)
		g.Expect(err).NotTo(HaveOccurred())
	}
}
