package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// distributionKey is the file, beside the repositories, that the archive is signed with.
const distributionKey = "distribution.asc"

// repositories packs all packages and makes signed repositories of them.
func (b Builder) repositories(ctx context.Context, programs string) (string, error) {
	list, err := b.repositoryList(ctx, programs)
	if err != nil {
		return "", err
	}
	text, err := treeText("files/packages")
	if err != nil {
		return "", err
	}
	return b.step("repositories", []string{filepath.Base(programs), b.Kubernetes, b.Version, text, fmt.Sprint(list)}, func(dir string) (err error) {
		key, err := b.newSigner(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, key.close(ctx)) }()
		for _, r := range list {
			if err := r.write(ctx, dir, key); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(dir, distributionKey), key.public, 0o644)
	})
}

// write packs the repository's packages below dir, with index and signature.
func (r repository) write(ctx context.Context, dir string, key *signer) error {
	dir = filepath.Join(dir, r.host, r.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range r.packages {
		if err := d.pack(ctx, dir); err != nil {
			return err
		}
	}
	packages, err := index(ctx, dir)
	if err != nil {
		return err
	}
	release := fmt.Appendf(nil, "Origin: %s\nLabel: %s\nSuite: stable\nArchitectures: %s\nDate: %s\nSHA256:\n %x %d Packages\n",
		r.host, r.host, architecture(), time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC"), sha256.Sum256(packages), len(packages))
	signed, err := key.sign(ctx, release)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"Packages": packages, "Release": release, "InRelease": signed, "Release.key": key.public} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// index lists the packages in dir as apt reads them.
func index(ctx context.Context, dir string) ([]byte, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for _, file := range found {
		control, err := command{Path: "dpkg-deb", Args: []string{"--field", file}}.run(ctx)
		if err != nil {
			return nil, err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&all, "%s\nFilename: ./%s\nSize: %d\nSHA256: %x\n\n", strings.TrimSpace(string(control)), filepath.Base(file), len(content), sha256.Sum256(content))
	}
	return all.Bytes(), nil
}

// signer holds a key that is thrown away with it.
type signer struct {
	home   string
	public []byte // armoured
}

// signerPrefix is of the folders of this cache's signers.
func (b Builder) signerPrefix() string { return "karpenter-signer-" + hash(b.Cache)[:8] + "-" }

func (b Builder) newSigner(ctx context.Context) (*signer, error) {
	// In the temporary folder and not the cache: the agent's socket must have a short path.
	home, err := os.MkdirTemp("", b.signerPrefix())
	if err != nil {
		return nil, err
	}
	s := &signer{home: home}
	_, err = s.gpg(ctx, nil, "--passphrase", "", "--quick-generate-key", "Packages for tests", "ed25519", "sign", "never")
	if err == nil {
		s.public, err = s.gpg(ctx, nil, "--armor", "--export")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a key for repositories: %w", err), s.close(ctx))
	}
	return s, nil
}

func (s *signer) sign(ctx context.Context, text []byte) ([]byte, error) {
	return s.gpg(ctx, text, "--armor", "--clearsign")
}

func (s *signer) gpg(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	return command{
		Path: "gpg", Args: append([]string{"--batch", "--quiet", "--homedir", s.home}, args...), Stdin: bytes.NewReader(stdin),
	}.run(ctx)
}

// close ends the agent that gpg started and removes the key, even where ctx has ended.
func (s *signer) close(ctx context.Context) error {
	_, err := command{Path: "gpgconf", Args: []string{"--homedir", s.home, "--kill", "all"}}.run(context.WithoutCancel(ctx))
	if errors.Is(err, exec.ErrNotFound) {
		err = nil // then no agent runs
	}
	return errors.Join(err, os.RemoveAll(s.home))
}
