package binary

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Source is the program's Go module as files: go.mod, go.sum and the package folder.
type Source struct {
	fs.FS
}

// Hash names the content of all files and their paths, in 16 hexadecimal digits.
func (s Source) Hash() (string, error) {
	sum := sha256.New()
	err := s.each(func(path string, content []byte) error {
		_, err := fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// Version is the release of a module that go.mod requires, as in "v1.36.3".
func (s Source) Version(module string) (string, error) {
	content, err := fs.ReadFile(s, "go.mod")
	if err != nil {
		return "", fmt.Errorf("reading the requirements: %w", err)
	}
	line := regexp.MustCompile(`(?m)^\s*(?:require\s+)?` + regexp.QuoteMeta(module) + `\s+(v\S+)`)
	match := line.FindSubmatch(content)
	if match == nil {
		return "", fmt.Errorf("reading the requirements: go.mod does not require %s", module)
	}
	return string(match[1]), nil
}

// write puts the files into dir, which must exist.
func (s Source) write(dir string) error {
	return s.each(func(path string, content []byte) error {
		target := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

// each visits the files in lexical order.
func (s Source) each(visit func(path string, content []byte) error) error {
	return fs.WalkDir(s, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(s, path)
		if err != nil {
			return err
		}
		return visit(path, content)
	})
}
