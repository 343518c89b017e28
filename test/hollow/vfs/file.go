package vfs

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// OpenFile opens name as package os does, for the flags that a shell and its programs
// use. A reader sees the file as it was when it was opened.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	if err := f.mayOpen(name, flag); err != nil {
		return nil, err
	}
	if flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		data, err := f.ReadFile(name)
		return &handle{name: name, reader: bytes.NewReader(data)}, err
	}
	if err := f.prepare(name, flag, perm); err != nil {
		return nil, err
	}
	data, err := f.ReadFile(name)
	return &handle{fs: f, name: name, append: flag&os.O_APPEND != 0, reader: bytes.NewReader(data)}, err
}

func (f *FS) mayOpen(name string, flag int) error {
	n, err := f.lookup("open", name, true)
	if err != nil {
		if flag&os.O_CREATE == 0 {
			return err
		}
		return nil
	}
	if n.mode.IsDir() && flag&(os.O_WRONLY|os.O_RDWR) != 0 {
		return fail("open", name, syscall.EISDIR)
	}
	if flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0 {
		return fail("open", name, syscall.EEXIST)
	}
	return nil
}

// prepare makes or empties the file that is opened for writing.
func (f *FS) prepare(name string, flag int, perm fs.FileMode) error {
	if flag&os.O_TRUNC != 0 {
		return f.WriteFile(name, nil, perm)
	}
	return f.Touch(name, perm)
}

// handle is an open file. Writers share the file, not their handles' offsets.
type handle struct {
	fs     *FS // nil when opened for reading
	name   string
	append bool
	offset int
	reader *bytes.Reader
}

func (h *handle) Read(p []byte) (int, error) { return h.reader.Read(p) }

func (h *handle) Write(p []byte) (int, error) {
	if h.fs == nil {
		return 0, fail("write", h.name, syscall.EBADF)
	}
	err := h.fs.edit("write", h.name, 0o644, func(n *node) {
		if h.append || h.offset >= len(n.data) {
			n.data = append(n.data[:len(n.data):len(n.data)], make([]byte, max(0, h.offset-len(n.data)))...)
			n.data = append(n.data, p...)
			h.offset = len(n.data)
			return
		}
		rest := n.data[min(len(n.data), h.offset+len(p)):]
		n.data = append(append(n.data[:h.offset:h.offset], p...), rest...)
		h.offset += len(p)
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h *handle) Close() error { return nil }
