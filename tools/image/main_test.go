package main

import (
	"archive/tar"
	"crypto/x509"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	. "github.com/onsi/gomega"
)

// program builds a static program to stand for the controller.
func program(t *testing.T, cgo string) string {
	t.Helper()
	dir := t.TempDir()
	source := "package main\n\nfunc main() {}\n"
	if cgo == "1" {
		source = "package main\n\nimport \"C\"\n\nfunc main() {}\n"
	}
	g := NewWithT(t)
	g.Expect(os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600)).To(Succeed())
	path := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-o", path, filepath.Join(dir, "main.go"))
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	out, err := cmd.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), string(out))
	return path
}

// unpack reads an archive back into the image it holds.
func unpack(t *testing.T, archive string) (v1.Image, string) {
	t.Helper()
	g := NewWithT(t)
	dir := t.TempDir()
	file, err := os.Open(archive)
	g.Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		g.Expect(err).NotTo(HaveOccurred())
		content, err := io.ReadAll(reader)
		g.Expect(err).NotTo(HaveOccurred())
		path := filepath.Join(dir, filepath.Clean("/"+header.Name))
		g.Expect(os.MkdirAll(filepath.Dir(path), 0o755)).To(Succeed())
		g.Expect(os.WriteFile(path, content, 0o600)).To(Succeed())
	}
	index, err := layout.ImageIndexFromPath(dir)
	g.Expect(err).NotTo(HaveOccurred())
	manifest, err := index.IndexManifest()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(manifest.Manifests).To(HaveLen(1))
	image, err := index.Image(manifest.Manifests[0].Digest)
	g.Expect(err).NotTo(HaveOccurred())
	return image, manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"]
}

func TestNameIsTheOneAKubeletLooksFor(t *testing.T) {
	for reference, want := range map[string]string{
		"karpenter-kubeadm/controller:v1": "docker.io/karpenter-kubeadm/controller:v1",
		"localhost/controller:v1":         "localhost/controller:v1",
		"registry.example.com/a/b:v1":     "registry.example.com/a/b:v1",
		"registry:5000/controller:v1":     "registry:5000/controller:v1",
		"controller:v1":                   "docker.io/library/controller:v1",
	} {
		NewWithT(t).Expect(canonical(reference)).To(Equal(want), reference)
	}
}

func TestArchiveHoldsWhatTheControllerNeeds(t *testing.T) {
	g := NewWithT(t)
	binary, output := program(t, "0"), filepath.Join(t.TempDir(), "image.tar")
	g.Expect(run(options{binary: binary, repository: "karpenter-kubeadm/controller", tag: "v1", output: output})).To(Succeed())

	image, name := unpack(t, output)
	g.Expect(name).To(Equal("karpenter-kubeadm/controller:v1"))
	config, err := image.ConfigFile()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Config.User).To(Equal("65532:65532"))
	g.Expect(config.Config.Entrypoint).To(Equal([]string{"/controller"}))
	g.Expect(config.Architecture).To(Equal(runtime.GOARCH))

	content := map[string][]byte{}
	reader := tar.NewReader(mutate.Extract(image))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		g.Expect(err).NotTo(HaveOccurred())
		content[header.Name], err = io.ReadAll(reader)
		g.Expect(err).NotTo(HaveOccurred())
	}
	want, err := os.ReadFile(binary)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(content["controller"]).To(Equal(want))
	g.Expect(x509.NewCertPool().AppendCertsFromPEM(content[roots])).To(BeTrue(), "CA certificates parse")
	g.Expect(strings.Count(string(content[roots]), "BEGIN CERTIFICATE")).To(BeNumerically(">", 100))
}

func TestSameInputGivesTheSameBytes(t *testing.T) {
	g := NewWithT(t)
	binary, dir := program(t, "0"), t.TempDir()
	var archives []string
	for _, name := range []string{"a.tar", "b.tar"} {
		output := filepath.Join(dir, name)
		g.Expect(run(options{binary: binary, repository: "r", tag: "t", output: output})).To(Succeed())
		content, err := os.ReadFile(output)
		g.Expect(err).NotTo(HaveOccurred())
		archives = append(archives, string(content))
	}
	g.Expect(archives[0] == archives[1]).To(BeTrue())
}

func TestDynamicBinaryIsRefused(t *testing.T) {
	g := NewWithT(t)
	err := run(options{binary: program(t, "1"), repository: "r", tag: "t", output: filepath.Join(t.TempDir(), "image.tar")})
	g.Expect(err).To(MatchError(ContainSubstring("CGO_ENABLED=0")))
}
