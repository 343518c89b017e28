package judge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

const goldenFolder = "../../../pkg/join/testdata/golden"

// The families whose nodes join without kubeadm, or with whatever the user writes.
var withoutKubeadm = map[string]string{
	"bottlerocket": "the operating system joins by itself, as its settings tell it",
	"custom":       "user data is the user's",
}

func TestKubeadmTakesEveryGolden(t *testing.T) {
	all := goldens(t)
	NewWithT(t).Expect(len(all)).To(BeNumerically(">=", 10), "ten minors of at least one family")
	for name, userData := range all {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			judged := 0
			for _, script := range scripts(t, userData) {
				if settings := assignments(script); settings["kubeadm_config"] != "" || settings["kubelet_flags"] != "" {
					judged++
					g.Expect(judge(t, settings)).To(Succeed())
				}
			}
			if _, without := withoutKubeadm[filepath.Dir(name)]; without {
				g.Expect(judged).To(BeZero(), "what is rendered here has to be judged after all")
				return
			}
			g.Expect(judged).To(Equal(1), "one script of a golden joins or prepares for it")
		})
	}
}

// goldens returns the golden files, as "<family>/<name>".
func goldens(t *testing.T) map[string][]byte {
	t.Helper()
	g := NewWithT(t)
	files, err := filepath.Glob(filepath.Join(goldenFolder, "*", "*.golden"))
	g.Expect(err).NotTo(HaveOccurred())
	all := map[string][]byte{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		name, err := filepath.Rel(goldenFolder, file)
		g.Expect(err).NotTo(HaveOccurred())
		all[strings.TrimSuffix(name, ".golden")] = content
	}
	return all
}
