package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Builder builds images. All fields are needed.
type Builder struct {
	// Root is the repository.
	Root string
	// Cache is the folder that keeps what was built.
	Cache string
	// Kubernetes is the folder with kubelet, kubeadm and kubectl, as test/cluster builds it.
	Kubernetes string
	// Version of Kubernetes, for example "1.36.3".
	Version string
	// Out takes the progress.
	Out io.Writer
}

// Image is what a build makes.
type Image struct {
	// Stock and Baked are overlay layers, the upper one first.
	Stock, Baked []string
	// Repositories is a folder that holds one for each host: pkgs.k8s.io and deb.debian.org.
	Repositories string
	// Kubernetes is the release of kubelet and kubeadm, for example "1.36.3".
	Kubernetes string
}

// Build returns the image, built where it is not in the cache.
func (b Builder) Build(ctx context.Context) (Image, error) {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return Image{}, fmt.Errorf("making the cache folder: %w", err)
	}
	unlock, err := b.lock()
	if err != nil {
		return Image{}, err
	}
	defer unlock()
	if err := b.sweep(ctx); err != nil {
		return Image{}, err
	}
	if err := b.installTools(ctx); err != nil {
		return Image{}, err
	}
	programs, err := b.programs(ctx)
	if err != nil {
		return Image{}, err
	}
	base, err := b.base(ctx)
	if err != nil {
		return Image{}, err
	}
	repositories, err := b.repositories(ctx, programs)
	if err != nil {
		return Image{}, err
	}
	stock, err := b.stock(ctx, base, repositories)
	if err != nil {
		return Image{}, err
	}
	baked, err := b.baked(ctx, []string{stock, base}, repositories)
	if err != nil {
		return Image{}, err
	}
	return Image{Stock: []string{stock, base}, Baked: []string{baked, stock, base}, Repositories: repositories, Kubernetes: b.Version}, nil
}

// lock waits until nobody else builds into the cache.
func (b Builder) lock() (func(), error) {
	file, err := os.OpenFile(filepath.Join(b.Cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the cache's lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the cache: %w", err), file.Close())
	}
	return func() { _ = file.Close() }, nil // which unlocks
}

// unused is how long a result may lie before it is removed. A set of them has 0.6 GB, and each change of the sources
// makes new ones.
const unused = 14 * 24 * time.Hour

// sweep removes what a build left that was killed, and results that nobody has asked for in a long time.
func (b Builder) sweep(ctx context.Context) error {
	entries, err := os.ReadDir(b.Cache)
	if err != nil {
		return fmt.Errorf("reading the cache: %w", err)
	}
	errs := make([]error, 0, len(entries))
	for _, entry := range entries {
		if left(entry) {
			errs = append(errs, os.RemoveAll(filepath.Join(b.Cache, entry.Name())))
		}
	}
	signers, err := filepath.Glob(filepath.Join(os.TempDir(), b.signerPrefix()+"*"))
	if err != nil {
		return err
	}
	for _, home := range signers {
		errs = append(errs, (&signer{home: home}).close(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing what earlier builds left: %w", err)
	}
	return nil
}

// left reports whether something in the cache is of no use any more.
func left(entry os.DirEntry) bool {
	name := entry.Name()
	if strings.HasPrefix(name, guestPrefix) || strings.HasPrefix(name, mountPrefix) || strings.HasSuffix(name, partSuffix) {
		return true
	}
	info, err := entry.Info()
	return err == nil && entry.IsDir() && time.Since(info.ModTime()) > unused
}

// partSuffix marks the folder of a step that is not done.
const partSuffix = ".part"

// step returns the folder called name-hash, where build leaves its result the first time.
// inputs are everything that the result depends on.
func (b Builder) step(name string, inputs []string, build func(dir string) error) (string, error) {
	done := filepath.Join(b.Cache, name+"-"+hash(inputs...))
	now := time.Now()
	if err := os.Chtimes(done, now, now); err == nil { // for sweep
		return done, nil
	}
	b.say("building %s", name)
	work := done + partSuffix
	if err := os.Mkdir(work, 0o755); err != nil {
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	if err := build(work); err != nil {
		return "", errors.Join(fmt.Errorf("building %s: %w", name, err), os.RemoveAll(work))
	}
	if err := os.Rename(work, done); err != nil {
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	b.say("built %s in %s", name, time.Since(now).Round(time.Second))
	return done, nil
}

func (b Builder) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.Out, "image: "+format+"\n", args...)
}

// goTool runs the Go command at the lowest priority: builds share the machine with others.
func (b Builder) goTool(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	return command{Path: "nice", Args: append([]string{"go"}, args...), Dir: dir, Env: env}.run(ctx)
}

// KubernetesVersion asks the programs in a folder for their release, for example "1.36.3".
func KubernetesVersion(ctx context.Context, dir string) (string, error) {
	out, err := command{Path: filepath.Join(dir, "kubeadm"), Args: []string{"version", "--output", "short"}}.run(ctx)
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), err
}

// architecture is Debian's name for this machine's.
func architecture() string { return runtime.GOARCH }

// last returns the last lines of an output, for errors.
func last(output string) string {
	const lines = 20
	all := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
