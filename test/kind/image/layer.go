package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// layer is a root file system that is being written. Names are relative to its root.
type layer struct {
	writer *tar.Writer
	made   map[string]bool
}

// folder makes a folder and those above it.
func (l *layer) folder(name string) error {
	if name == "." || l.made[name] {
		return nil
	}
	if err := l.folder(path.Dir(name)); err != nil {
		return err
	}
	l.made[name] = true
	return l.writer.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755})
}

// link makes a symbolic link.
func (l *layer) link(name, target string) error {
	if err := l.folder(path.Dir(name)); err != nil {
		return err
	}
	l.made[name] = true
	return l.writer.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777})
}

// file copies a file of this machine.
func (l *layer) file(name, from string) (err error) {
	if err := l.folder(path.Dir(name)); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	l.made[name] = true
	header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: int64(info.Mode().Perm()), Size: info.Size()}
	if err := l.writer.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(l.writer, in)
	return err
}

// merged are the folders that Debian has as links to those of the same names in usr.
func merged() []string { return []string{"bin", "lib", "lib64", "sbin"} }

// debian copies the files of packages that are installed in the root file system at root,
// all but documentation.
func (l *layer) debian(root string, packages ...string) error {
	for _, name := range merged() {
		if err := l.link(name, "usr/"+name); err != nil {
			return err
		}
	}
	for _, name := range packages {
		files, err := packageFiles(root, name)
		if err != nil {
			return fmt.Errorf("reading the files of package %s: %w", name, err)
		}
		for _, file := range files {
			if err := l.copy(root, file); err != nil {
				return fmt.Errorf("copying package %s: %w", name, err)
			}
		}
	}
	return nil
}

// copy copies one path of another root file system, unless it is there already.
func (l *layer) copy(root, name string) error {
	if l.made[name] {
		return nil
	}
	from := filepath.Join(root, name)
	info, err := os.Lstat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist): // removed after the installation, as lists and caches are
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return l.folder(name)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return l.link(name, target)
	default:
		return l.file(name, from)
	}
}

// packageFiles lists what dpkg installed for a package, relative to the root.
func packageFiles(root, name string) ([]string, error) {
	lists, err := filepath.Glob(filepath.Join(root, "var/lib/dpkg/info", name+"*.list"))
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		base := strings.TrimSuffix(filepath.Base(list), ".list")
		if own, _, _ := strings.Cut(base, ":"); own != name {
			continue // another package whose name begins alike
		}
		text, err := os.ReadFile(list)
		if err != nil {
			return nil, err
		}
		var files []string
		for line := range strings.Lines(string(text)) {
			if file := place(strings.TrimSpace(line)); file != "" {
				files = append(files, file)
			}
		}
		return files, nil
	}
	return nil, fmt.Errorf("it is not installed: %w", fs.ErrNotExist)
}

// place is where a file of a package is, with folders merged; empty for what is left out.
func place(listed string) string {
	name := strings.TrimPrefix(path.Clean(listed), "/")
	if name == "" || name == "." || strings.HasPrefix(name, "usr/share/") {
		return ""
	}
	first, rest, below := strings.Cut(name, "/")
	for _, folder := range merged() {
		if first == folder && !below {
			return ""
		}
		if first == folder {
			return path.Join("usr", folder, rest)
		}
	}
	return name
}
