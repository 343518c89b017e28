package vfs

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Stat describes what name leads to.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.stat(name, true) }

// Lstat describes name itself, which may be a symbolic link.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.stat(name, false) }

func (f *FS) stat(name string, follow bool) (fs.FileInfo, error) {
	n, err := f.lookup("stat", name, follow)
	if err != nil {
		return nil, err
	}
	return info{name: path.Base(name), node: n}, nil
}

// Exists reports whether name leads to anything.
func (f *FS) Exists(name string) bool {
	_, err := f.Stat(name)
	return err == nil
}

// Readlink returns the target of the symbolic link name.
func (f *FS) Readlink(name string) (string, error) {
	n, err := f.lookup("readlink", name, false)
	if err == nil && n.mode&fs.ModeSymlink == 0 {
		err = fail("readlink", name, syscall.EINVAL)
	}
	if err != nil {
		return "", err
	}
	return n.target, nil
}

// Resolve returns name free of symbolic links; its last part need not exist.
func (f *FS) Resolve(name string) (string, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, _, err := f.find("realpath", name, true)
	return "/" + strings.Join(at, "/"), err
}

// ReadFile returns the content of a file.
func (f *FS) ReadFile(name string) ([]byte, error) {
	n, err := f.lookup("open", name, true)
	if err == nil && n.mode.IsDir() {
		err = fail("read", name, syscall.EISDIR)
	}
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.data), nil
}

// ReadDir lists a directory by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.lookup("open", name, true)
	if err == nil && !n.mode.IsDir() {
		err = fail("readdir", name, syscall.ENOTDIR)
	}
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, 0, len(n.kids))
	for kid, child := range n.kids {
		entries = append(entries, fs.FileInfoToDirEntry(info{name: kid, node: child}))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// WriteFile makes data the content of a file. A file that exists keeps its mode; a new
// one gets perm. The directory must exist.
func (f *FS) WriteFile(name string, data []byte, perm fs.FileMode) error {
	return f.edit("open", name, perm, func(n *node) { n.data = slices.Clone(data) })
}

// Append adds data to the end of a file, which it makes with perm when it is not there.
func (f *FS) Append(name string, data []byte, perm fs.FileMode) error {
	return f.edit("open", name, perm, func(n *node) { n.data = slices.Concat(n.data, data) })
}

// Touch sets a file's time to now, making it when it is not there.
func (f *FS) Touch(name string, perm fs.FileMode) error {
	return f.edit("open", name, perm, func(*node) {})
}

// Put writes a file and makes the directories that it needs.
func (f *FS) Put(name string, data []byte, perm fs.FileMode) error {
	if err := f.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return f.WriteFile(name, data, perm)
}

func (f *FS) edit(op, name string, perm fs.FileMode, change func(*node)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, n, err := f.find(op, name, true)
	if err != nil {
		return err
	}
	if n == nil {
		n = &node{mode: perm.Perm()}
	}
	if n.mode.IsDir() {
		return fail(op, name, syscall.EISDIR)
	}
	changed := *n
	changed.mod = time.Now()
	change(&changed)
	f.put(at, &changed)
	return nil
}

// Mkdir makes one directory.
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.create("mkdir", name, &node{mode: fs.ModeDir | perm.Perm(), kids: map[string]*node{}})
}

// MkdirAll makes a directory and those above it that do not exist.
func (f *FS) MkdirAll(name string, perm fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := split(name)
	for i := range parts {
		prefix := "/" + path.Join(parts[:i+1]...)
		_, n, err := f.find("mkdir", prefix, true)
		switch {
		case err != nil:
			return err
		case n == nil:
			err = f.create("mkdir", prefix, &node{mode: fs.ModeDir | perm.Perm(), kids: map[string]*node{}})
		case !n.mode.IsDir():
			err = fail("mkdir", prefix, syscall.ENOTDIR)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Symlink makes name a symbolic link to target, which need not exist.
func (f *FS) Symlink(target, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.create("symlink", name, &node{mode: fs.ModeSymlink | 0o777, target: target})
}

// create hangs n at name, where nothing may be. The caller holds the lock.
func (f *FS) create(op, name string, n *node) error {
	at, old, err := f.find(op, name, false)
	if err != nil {
		return err
	}
	if old != nil {
		return fail(op, name, syscall.EEXIST)
	}
	n.mod = time.Now()
	f.put(at, n)
	return nil
}

// Chmod sets the permission bits of what name leads to.
func (f *FS) Chmod(name string, perm fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, n, err := f.find("chmod", name, true)
	if err == nil && n == nil {
		err = fail("chmod", name, syscall.ENOENT)
	}
	if err != nil {
		return err
	}
	changed := *n
	changed.mode = n.mode&^fs.ModePerm | perm.Perm()
	f.put(at, &changed)
	return nil
}

// Remove takes away a file, a link or an empty directory.
func (f *FS) Remove(name string) error { return f.remove(name, false) }

// RemoveAll takes away name and what is below it. It is no error when nothing is there.
func (f *FS) RemoveAll(name string) error { return f.remove(name, true) }

func (f *FS) remove(name string, all bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, n, err := f.find("remove", name, false)
	switch {
	case all && (err != nil || n == nil):
		return nil
	case err != nil:
		return err
	case n == nil:
		return fail("remove", name, syscall.ENOENT)
	case len(at) == 0:
		return fail("remove", name, syscall.EBUSY)
	case !all && len(n.kids) > 0:
		return fail("remove", name, syscall.ENOTEMPTY)
	}
	f.put(at, nil)
	return nil
}

// Rename moves from to the name to, replacing a file there.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	source, n, err := f.find("rename", from, false)
	if err == nil && n == nil {
		err = fail("rename", from, syscall.ENOENT)
	}
	if err != nil {
		return err
	}
	target, old, err := f.find("rename", to, false)
	if err != nil || slices.Equal(source, target) {
		return err
	}
	if old != nil && !n.replaces(old) {
		return fail("rename", to, syscall.EEXIST)
	}
	if len(target) > len(source) && slices.Equal(target[:len(source)], source) {
		return fail("rename", to, syscall.EINVAL)
	}
	f.put(source, nil)
	f.put(target, n)
	return nil
}

// replaces reports whether n may take the place of old: no directory is lost that has something in it.
func (n *node) replaces(old *node) bool {
	return !old.mode.IsDir() || (n.mode.IsDir() && len(old.kids) == 0)
}

// info describes a node under the name that it was asked for by.
type info struct {
	name string
	node *node
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.node.data)) }
func (i info) Mode() fs.FileMode  { return i.node.mode }
func (i info) ModTime() time.Time { return i.node.mod }
func (i info) IsDir() bool        { return i.node.mode.IsDir() }
func (i info) Sys() any           { return nil }
