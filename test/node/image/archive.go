package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Busybox is the image that specs run; its shell is the entry point.
const Busybox = "localhost/busybox:1"

// images writes the archives of container images into dir: the pause image under every name
// that kubeadm or containerd may ask for, and busybox.
func (b Builder) images(ctx context.Context, dir, pause, base string) error {
	names, err := b.pauseNames(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, i := range []container{
		{file: "pause.tar", names: names, entry: "/pause", program: pause, paths: []string{"pause"}},
		{file: "busybox.tar", names: []string{Busybox}, entry: "/bin/sh", program: filepath.Join(base, "bin/busybox"), paths: []string{"bin/busybox", "bin/sh"}},
	} {
		content, err := i.archive()
		if err != nil {
			return fmt.Errorf("packing image %s: %w", i.file, err)
		}
		if err := os.WriteFile(filepath.Join(dir, i.file), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

var pauseImage = regexp.MustCompile(`[a-z0-9.-]+/pause:[0-9.]+`)

// pauseNames asks the programs themselves which pause image they use.
func (b Builder) pauseNames(ctx context.Context) ([]string, error) {
	out, err := command{Path: filepath.Join(b.Kubernetes, "kubeadm"), Args: []string{"config", "images", "list", "--kubernetes-version", "v" + b.Version}}.run(ctx)
	if err != nil {
		return nil, err
	}
	programs, err := b.programs(ctx)
	if err != nil {
		return nil, err
	}
	config, err := command{Path: filepath.Join(programs, "containerd"), Args: []string{"config", "default"}}.run(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var names []string
	for _, name := range pauseImage.FindAllString(string(out)+string(config), -1) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("neither kubeadm nor containerd names a pause image:\n%s", last(string(out)))
	}
	return names, nil
}

// container is an image of one program.
type container struct {
	file  string
	names []string
	entry string
	// program is the file on this machine, paths are where the image has it.
	program string
	paths   []string
}

// descriptor points to a blob, as OCI has it.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// archive returns an OCI image layout as a tar file.
func (c container) archive() ([]byte, error) {
	program, err := os.ReadFile(c.program)
	if err != nil {
		return nil, err
	}
	var layer tarball
	for _, path := range c.paths {
		layer.add(path, program, 0o755)
	}
	blobs := []string{layer.text()}
	config := document(&blobs, map[string]any{
		"architecture": architecture(), "os": "linux",
		"config": map[string]any{"Entrypoint": []string{c.entry}, "Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(blobs[0])}},
	})
	config.MediaType = "application/vnd.oci.image.config.v1+json"
	manifest := document(&blobs, map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
		"layers": []descriptor{{MediaType: "application/vnd.oci.image.layer.v1.tar", Digest: digest(blobs[0]), Size: len(blobs[0])}},
	})
	manifest.MediaType = "application/vnd.oci.image.manifest.v1+json"
	var manifests []descriptor
	for _, name := range c.names {
		named := manifest
		named.Annotations = map[string]string{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name[strings.LastIndex(name, ":")+1:]}
		manifests = append(manifests, named)
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": manifests})
	if err != nil {
		return nil, err
	}
	var out tarball
	out.add("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
	out.add("index.json", index, 0o644)
	for _, blob := range blobs {
		out.add("blobs/"+strings.Replace(digest(blob), ":", "/", 1), []byte(blob), 0o644)
	}
	return []byte(out.text()), nil
}

// document adds value as JSON to blobs.
func document(blobs *[]string, value map[string]any) descriptor {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // of strings and numbers: cannot fail
	}
	*blobs = append(*blobs, string(text))
	return descriptor{Digest: digest(string(text)), Size: len(text)}
}

func digest(blob string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(blob))) }

// tarball is a tar file in memory, where writing cannot fail.
type tarball struct {
	buffer bytes.Buffer
	writer *tar.Writer
}

func (t *tarball) add(name string, content []byte, mode int64) {
	if t.writer == nil {
		t.writer = tar.NewWriter(&t.buffer)
	}
	if err := t.writer.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: mode}); err != nil {
		panic(err) // a name that tar cannot hold: a constant of this package
	}
	_, _ = t.writer.Write(content)
}

func (t *tarball) text() string {
	_ = t.writer.Close()
	return t.buffer.String()
}
