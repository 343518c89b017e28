package main

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// archive writes an OCI image layout as one tar file, whole or not at all.
func archive(image v1.Image, reference, output string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(output), ".image-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		return err
	}
	names := layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": reference,
		"io.containerd.image.name":          canonical(reference), // what containerd calls it after an import
	})
	if err := path.AppendImage(image, names); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "archive"))
	if err != nil {
		return err
	}
	if err := errors.Join(pack(file, string(path)), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), output)
}

// canonical is the name that a kubelet looks for when a pod names the image by reference: one
// without a host is Docker Hub's, also where nobody asks Docker Hub.
func canonical(reference string) string {
	host, _, found := strings.Cut(reference, "/")
	switch {
	case !found:
		return "docker.io/library/" + reference
	case host == "localhost" || strings.ContainsAny(host, ".:"):
		return reference
	default:
		return "docker.io/" + reference
	}
}

// pack writes the files below dir in the order of their names, without times or owners.
func pack(out io.Writer, dir string) error {
	writer := tar.NewWriter(out)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		_, err = writer.Write(content)
		return err
	})
	return errors.Join(err, writer.Close())
}
