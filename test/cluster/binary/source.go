package binary

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// Source is the program's Go module as files, content by path: go.mod, go.sum and the package folder.
type Source map[string]string

// Hash names the content of all files and their paths, in 16 hexadecimal digits.
func (s Source) Hash() string {
	sum := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(s)) {
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", path, len(s[path]), s[path]) // a hash takes all
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// Version is the release of a module that go.mod requires, as in "v1.36.3".
func (s Source) Version(module string) (string, error) {
	line := regexp.MustCompile(`(?m)^\s*(?:require\s+)?` + regexp.QuoteMeta(module) + `\s+(v\S+)`)
	match := line.FindStringSubmatch(s["go.mod"])
	if match == nil {
		return "", fmt.Errorf("reading the requirements: go.mod does not require %s", module)
	}
	return match[1], nil
}

// write puts the files into dir, which must exist.
func (s Source) write(dir string) error {
	for path, content := range s {
		target := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
