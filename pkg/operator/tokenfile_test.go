package operator

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestATokenFileIsReadAsItIsNow(t *testing.T) {
	g := NewWithT(t)
	file := tokenFile(filepath.Join(t.TempDir(), "token"))
	_, err := file.Read(t.Context())
	g.Expect(err).To(MatchError(And(ContainSubstring("BOOTSTRAP_TOKEN_FILE"), ContainSubstring(string(file)))))
	for _, content := range []string{"abcdef.0123456789abcdef\n", "ghijkl.0123456789abcdef\n"} {
		g.Expect(os.WriteFile(string(file), []byte(content), 0o600)).To(Succeed())
		g.Expect(file.Read(t.Context())).To(Equal(content))
	}
	g.Expect(file.String()).To(ContainSubstring(string(file)))
}
