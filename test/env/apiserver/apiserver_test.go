package apiserver

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestAssets(t *testing.T) {
	t.Run("KUBEBUILDER_ASSETS wins", func(t *testing.T) {
		g := NewWithT(t)
		t.Setenv("KUBEBUILDER_ASSETS", "/opt/assets")
		g.Expect(assets()).To(Equal("/opt/assets"))
	})
	t.Run("the newest build in the cache is taken", func(t *testing.T) {
		g := NewWithT(t)
		cache := t.TempDir()
		t.Setenv("KUBEBUILDER_ASSETS", "")
		t.Setenv("KARPENTER_CACHE", cache)
		program(t, filepath.Join(cache, "kube", "aaaa", "go1"), time.Hour)
		want := program(t, filepath.Join(cache, "kube", "bbbb", "go1"), time.Minute)
		program(t, filepath.Join(cache, "kube", "cccc", "go1"), 2*time.Hour)
		g.Expect(assets()).To(Equal(want))
	})
	t.Run("without programs it says what builds them", func(t *testing.T) {
		g := NewWithT(t)
		t.Setenv("KUBEBUILDER_ASSETS", "")
		t.Setenv("KARPENTER_CACHE", t.TempDir())
		_, err := assets()
		g.Expect(err).To(MatchError(ContainSubstring("make tools")))
	})
}

// program makes a kube-apiserver of the given age in dir and returns dir.
func program(t *testing.T, dir string, age time.Duration) string {
	t.Helper()
	g := NewWithT(t)
	path := filepath.Join(dir, "kube-apiserver")
	g.Expect(os.MkdirAll(dir, 0o755)).To(Succeed())
	g.Expect(os.WriteFile(path, nil, 0o755)).To(Succeed())
	then := time.Unix(1_700_000_000, 0).Add(-age)
	g.Expect(os.Chtimes(path, then, then)).To(Succeed())
	return dir
}
