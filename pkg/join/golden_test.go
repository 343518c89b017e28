package join_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const goldenFolder = "testdata/golden"

// What is rendered is what is in testdata/golden, byte for byte, unpacked where it is compressed. After a change that is meant,
// UPDATE_GOLDEN=1 go test ./pkg/join writes the files anew, and removes those of no golden.
func TestRenderGolden(t *testing.T) {
	all := goldens(t)
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := join.Render(s)
			g.Expect(err).NotTo(HaveOccurred())
			again, err := join.Render(s)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(again.Bytes()).To(Equal(got.Bytes()), "the same Spec has to give the same bytes")
			g.Expect(len(got.Bytes())).To(BeNumerically("<=", join.MaxUserData))

			file := goldenFile(name)
			if updating() {
				g.Expect(os.MkdirAll(filepath.Dir(file), 0o755)).To(Succeed())
				g.Expect(os.WriteFile(file, unpacked(t, got.Bytes()), 0o600)).To(Succeed())
			}
			want, err := os.ReadFile(file)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(unpacked(t, got.Bytes()))).To(Equal(string(want)), "UPDATE_GOLDEN=1 go test ./pkg/join writes it anew")
		})
	}
	t.Run("no file is of nothing", func(t *testing.T) { expectNoOrphans(t, all) })
}

func updating() bool { return os.Getenv("UPDATE_GOLDEN") != "" }

func goldenFile(name string) string { return filepath.Join(goldenFolder, name+".golden") }

func expectNoOrphans(t *testing.T, all map[string]join.Spec) {
	t.Helper()
	g := NewWithT(t)
	known := map[string]bool{}
	for name := range all {
		known[goldenFile(name)] = true
	}
	files, err := filepath.Glob(filepath.Join(goldenFolder, "*", "*"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(files)).To(BeNumerically(">=", len(all)))
	for _, file := range files {
		if !known[file] && updating() {
			g.Expect(os.Remove(file)).To(Succeed())
			continue
		}
		g.Expect(known).To(HaveKey(file), "a file that no test renders")
	}
}
