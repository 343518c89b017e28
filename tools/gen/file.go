package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// file is one generated file of the tree.
type file struct {
	path    string // slash-separated, below the product's module
	content []byte // what it holds, before compression
	gzipped bool
}

// write replaces the file below root, unless its content is already right: what
// another version of Go compressed differently is then left alone.
func (f file) write(root string) error {
	if f.check(root) == nil {
		return nil
	}
	body := f.content
	if f.gzipped {
		var err error
		if body, err = compress(f.content); err != nil {
			return fmt.Errorf("compressing %s: %w", f.path, err)
		}
	}
	target := filepath.Join(root, filepath.FromSlash(f.path))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := os.WriteFile(target, body, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return nil
}

// check tells whether the file below root holds what write would give it.
func (f file) check(root string) error {
	have, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f.path)))
	if err != nil {
		return fmt.Errorf("checking %s: %w", f.path, err)
	}
	if f.gzipped {
		if have, err = decompress(have); err != nil {
			return fmt.Errorf("checking %s: %w", f.path, err)
		}
	}
	if !bytes.Equal(have, f.content) {
		return fmt.Errorf("checking %s: it is stale, run make generate", f.path)
	}
	return nil
}

// compress leaves name and time out of the header, so that equal content gives
// equal bytes.
func compress(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func decompress(body []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
