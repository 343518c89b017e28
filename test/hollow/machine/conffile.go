package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// putPackaged writes a file of a package. One below /etc that is there already with other
// content is the administrator's: rpm keeps it, and so does dpkg where its configuration says
// force-confold. Where that says force-confnew dpkg replaces it, and else asks, which without a
// terminal is an error.
func (m *Machine) putPackaged(name, content string) error {
	there, err := m.FS.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	differs := err == nil && string(there) != content
	if !differs || !strings.HasPrefix(name, "/etc/") || (m.system.debian() && m.dpkgOption("force-confnew")) {
		return m.FS.Put(name, []byte(content), 0o644)
	}
	if !m.system.debian() || m.dpkgOption("force-confold") {
		return nil
	}
	return fmt.Errorf("configuration file %q: end of file on stdin at conffile prompt", name)
}

// dpkgOption reports whether dpkg's configuration has the option.
func (m *Machine) dpkgOption(option string) bool {
	files := []string{"/etc/dpkg/dpkg.cfg"}
	entries, err := m.FS.ReadDir("/etc/dpkg/dpkg.cfg.d")
	if err == nil {
		for _, entry := range entries {
			files = append(files, path.Join("/etc/dpkg/dpkg.cfg.d", entry.Name()))
		}
	}
	for _, file := range files {
		content, err := m.FS.ReadFile(file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(content), "\n") {
			if strings.TrimSpace(line) == option {
				return true
			}
		}
	}
	return false
}
