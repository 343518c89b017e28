package process

import (
	"bytes"
	"io"
	"os"
)

const (
	// tailLines is enough for the reason a Kubernetes program gives before it ends, and fits a terminal.
	tailLines = 15
	// tailBytes bounds what is read for them: their lines seldom exceed 500 bytes.
	tailBytes = 16 << 10
)

// tailOf returns the last lines of a file, each indented, after a line break; empty where there are none. It serves
// error messages, so a file that cannot be read is as good as an empty one.
func tailOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, err = f.Seek(max(0, size-tailBytes), io.SeekStart)
		if err != nil {
			return ""
		}
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	return tail(content)
}

func tail(content []byte) string {
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	if len(lines[0]) == 0 {
		return ""
	}
	lines = lines[max(0, len(lines)-tailLines):]
	return ":\n  " + string(bytes.Join(lines, []byte("\n  ")))
}
