package world

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

func TestWatches(t *testing.T) {
	for name, tc := range map[string]struct {
		limit, used int
		err         OmegaMatcher
	}{
		"a machine of its own":        {limit: 128, used: 10, err: BeNil()},
		"just enough":                 {limit: neededWatches + 3, used: 3, err: BeNil()},
		"somebody else has too many":  {limit: 128, used: 65, err: MatchError(ContainSubstring("65 of fs.inotify.max_user_instances=128 are taken"))},
		"a limit that is low for all": {limit: 63, err: MatchError(ContainSubstring("raise the limit"))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			proc := t.TempDir()
			files := filepath.Join(proc, "7", "fd")
			g.Expect(os.MkdirAll(files, 0o700)).To(Succeed())
			g.Expect(os.Symlink("socket:[1]", filepath.Join(files, "socket"))).To(Succeed())
			for i := range tc.used {
				g.Expect(os.Symlink("anon_inode:inotify", filepath.Join(files, fmt.Sprint(i)))).To(Succeed())
			}
			limit := filepath.Join(proc, "sys/fs/inotify/max_user_instances")
			g.Expect(os.MkdirAll(filepath.Dir(limit), 0o700)).To(Succeed())
			g.Expect(os.WriteFile(limit, fmt.Appendln(nil, tc.limit), 0o600)).To(Succeed())
			g.Expect(checkWatches(proc)).To(tc.err)
		})
	}
}
