package vfs

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxLinks is how many symbolic links Linux follows in one path before it says ELOOP.
const maxLinks = 40

// FS is one tree. It may be used by many goroutines.
type FS struct {
	mu   sync.RWMutex
	root *node
}

// node is never changed once it is in a tree; a write replaces it and its ancestors.
type node struct {
	mode   fs.FileMode
	mod    time.Time
	data   []byte
	target string // of a symbolic link
	kids   map[string]*node
}

// New returns a tree that holds only the root directory.
func New() *FS {
	return &FS{root: &node{mode: fs.ModeDir | 0o755, mod: time.Now(), kids: map[string]*node{}}}
}

// Clone returns a tree of its own that starts as f is now.
func (f *FS) Clone() *FS {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return &FS{root: f.root}
}

// find returns the place that name leads to, free of symbolic links, and what is
// there, nil when only its directory exists. The caller holds the lock.
func (f *FS) find(op, name string, follow bool) ([]string, *node, error) {
	rest := split(name)
	var at []string
	here := f.root
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if !here.mode.IsDir() {
			return nil, nil, fail(op, name, syscall.ENOTDIR)
		}
		if part == ".." {
			at = at[:max(0, len(at)-1)]
			here = f.at(at)
			continue
		}
		next := here.kids[part]
		if next == nil {
			return missing(op, name, append(at, part), rest)
		}
		if !next.leadsOn(follow || len(rest) > 0) {
			at, here = append(at, part), next
			continue
		}
		if links++; links > maxLinks {
			return nil, nil, fail(op, name, syscall.ELOOP)
		}
		if path.IsAbs(next.target) {
			at, here = nil, f.root
		}
		rest = append(split(next.target), rest...)
	}
	return at, here, nil
}

// missing is the answer where nothing is at place: the last part of a path may be missing.
func missing(op, name string, place, rest []string) ([]string, *node, error) {
	if len(rest) > 0 {
		return nil, nil, fail(op, name, syscall.ENOENT)
	}
	return place, nil, nil
}

// leadsOn reports whether n is a symbolic link that is to be followed.
func (n *node) leadsOn(follow bool) bool { return follow && n.mode&fs.ModeSymlink != 0 }

// lookup is find for what must exist.
func (f *FS) lookup(op, name string, follow bool) (*node, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, n, err := f.find(op, name, follow)
	if err == nil && n == nil {
		err = fail(op, name, syscall.ENOENT)
	}
	return n, err
}

func (f *FS) at(place []string) *node {
	n := f.root
	for _, part := range place {
		n = n.kids[part]
	}
	return n
}

// put hangs n at place, copying the directories above it; a nil n takes away what is
// there. The directories above exist. The caller holds the lock for writing.
func (f *FS) put(place []string, n *node) { f.root = replace(f.root, place, n) }

func replace(dir *node, place []string, n *node) *node {
	if len(place) == 0 {
		return n
	}
	changed := *dir
	changed.kids = maps.Clone(dir.kids)
	changed.mod = time.Now()
	switch below := place[1:]; {
	case len(below) > 0:
		changed.kids[place[0]] = replace(dir.kids[place[0]], below, n)
	case n == nil:
		delete(changed.kids, place[0])
	default:
		changed.kids[place[0]] = n
	}
	return &changed
}

// split returns the parts of an absolute path; a relative one is taken from the root.
func split(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(part string) bool { return part == "" || part == "." })
}

func fail(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }
