package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	node "github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/image"
)

// Builder builds an image. All fields are needed.
type Builder struct {
	// Root is the repository.
	Root string
	// Cache is the folder that keeps what was built.
	Cache string
	// Node is the image of real nodes that the cluster's are made from.
	Node node.Image
	// Out takes the progress.
	Out io.Writer
}

// Image is what a build makes.
type Image struct {
	// Layers of a node's root file system, the upper one first.
	Layers []string
	// Docker is the root file system of Docker's daemon and client.
	Docker string
	// Programs is a folder with kind and helm.
	Programs string
	// Kubernetes is the release, for example "1.36.3".
	Kubernetes string
}

// Build returns the image, built where it is not in the cache.
func (b Builder) Build(ctx context.Context) (Image, error) {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return Image{}, fmt.Errorf("making the cache folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(b.Cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return Image{}, fmt.Errorf("opening the cache's lock: %w", err)
	}
	defer func() { _ = lock.Close() }() // which unlocks
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return Image{}, fmt.Errorf("locking the cache: %w", err)
	}
	docker, err := b.docker(ctx)
	if err != nil {
		return Image{}, err
	}
	programs, err := b.programs(ctx)
	if err != nil {
		return Image{}, err
	}
	layer, err := b.node(ctx, programs)
	if err != nil {
		return Image{}, err
	}
	return Image{Layers: append([]string{layer}, b.Node.Baked...), Docker: docker, Programs: programs, Kubernetes: b.Node.Kubernetes}, nil
}
