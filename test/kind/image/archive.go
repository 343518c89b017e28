package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// container is an image of one layer. What it may be called is all the same image.
type container struct {
	names []string
	// entry is the entry point; nil where pods always name a command.
	entry []string
	// fill writes the files.
	fill func(*layer) error
}

// searchPath is the PATH of every image.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// descriptor points to a blob, as OCI has it.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// archive writes the image to file as an OCI layout in a tar file.
func (c container) archive(file string) (err error) {
	content, err := os.CreateTemp(filepath.Dir(file), ".layer-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close(), os.Remove(content.Name())) }()
	sum := sha256.New()
	l := &layer{writer: tar.NewWriter(io.MultiWriter(content, sum)), made: map[string]bool{}}
	if err := errors.Join(c.fill(l), l.writer.Close()); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return c.write(tar.NewWriter(out), content, "sha256:"+hex.EncodeToString(sum.Sum(nil)))
}

// write writes the layout around the layer.
func (c container) write(out *tar.Writer, content *os.File, diff string) error {
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	config := document("application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": c.entry, "Env": []string{searchPath}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{diff}},
	})
	manifest := document("application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config.descriptor,
		"layers": []descriptor{{MediaType: "application/vnd.oci.image.layer.v1.tar", Digest: diff, Size: size}},
	})
	manifests := make([]descriptor, 0, len(c.names))
	for _, name := range c.names {
		named := manifest.descriptor
		named.Annotations = map[string]string{"io.containerd.image.name": name}
		manifests = append(manifests, named)
	}
	index := document("", map[string]any{"schemaVersion": 2, "manifests": manifests})
	put := func(name string, size int64, from io.Reader) error {
		if err := out.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o644}); err != nil {
			return err
		}
		_, err := io.Copy(out, from)
		return err
	}
	text := func(name, text string) error { return put(name, int64(len(text)), strings.NewReader(text)) }
	_, rewound := content.Seek(0, io.SeekStart)
	return errors.Join(
		rewound,
		text("oci-layout", `{"imageLayoutVersion":"1.0.0"}`), text("index.json", index.text),
		text(blob(config.Digest), config.text), text(blob(manifest.Digest), manifest.text), put(blob(diff), size, content),
		out.Close(),
	)
}

func blob(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// written is a JSON document with what points to it.
type written struct {
	descriptor
	text string
}

func document(kind string, value map[string]any) written {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // of strings and numbers: cannot fail
	}
	sum := sha256.Sum256(text)
	return written{descriptor{MediaType: kind, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(text))}, string(text)}
}
