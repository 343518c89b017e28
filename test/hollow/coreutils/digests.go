package coreutils

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func digests() map[string]shell.Command {
	return map[string]shell.Command{
		"sha256sum": digest(sha256.New), "base64": base64Command, "gzip": gzipCommand, "gunzip": gzipCommand, "zcat": gzipCommand,
		"tar": tarCommand,
	}
}

func digest(algorithm func() hash.Hash) shell.Command {
	return func(_ context.Context, p *shell.Proc) int {
		return syntax{short: "bcs", long: map[string]string{"check": "c", "status": "s"}}.run(p, 1, func(o options, names []string) int {
			sum := func(content []byte) string {
				h := algorithm()
				h.Write(content)
				return hex.EncodeToString(h.Sum(nil))
			}
			if !o.has("c") {
				return each(p, names, func(name string, content []byte) { p.Printf("%s  %s\n", sum(content), name) })
			}
			wrong := 0
			status := each(p, names, func(_ string, content []byte) {
				for _, line := range lines(content) {
					want, name, _ := strings.Cut(line, " ")
					file, err := p.ReadFile(strings.TrimLeft(name, " *"))
					if err != nil || sum(file) != want {
						wrong = 1
					}
				}
			})
			if wrong != 0 {
				return p.Fail(1, "WARNING: a computed checksum did NOT match")
			}
			return status
		})
	}
}

func base64Command(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "dDw:i", long: map[string]string{"decode": "d", "wrap": "w"}}
	return s.run(p, 1, func(o options, names []string) int {
		bad := 0
		status := each(p, names, func(_ string, content []byte) {
			if o.has("d") || o.has("D") {
				plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(content)), ""))
				_, _ = p.Stdout.Write(plain)
				if err != nil {
					bad = p.Fail(1, "invalid input")
				}
				return
			}
			encoded, width := base64.StdEncoding.EncodeToString(content), atoi(o.last("w", "76"))
			for width > 0 && len(encoded) > width {
				p.Printf("%s\n", encoded[:width])
				encoded = encoded[width:]
			}
			p.Printf("%s", encoded)
			if width > 0 {
				p.Printf("\n")
			}
		})
		return max(status, bad)
	})
}

// gzipCommand is gzip, gunzip and zcat. Files are replaced as gzip does, unless -c.
func gzipCommand(_ context.Context, p *shell.Proc) int {
	return syntax{short: "dckf19n"}.run(p, 1, func(o options, names []string) int {
		name := p.Args[0][strings.LastIndex(p.Args[0], "/")+1:]
		unpack, toOutput := o.has("d") || name != "gzip", o.has("c") || name == "zcat" || len(names) == 0
		bad := 0
		status := each(p, names, func(file string, content []byte) {
			out, err := pack(content)
			target := file + ".gz"
			if unpack {
				out, err = unzip(content)
				target = strings.TrimSuffix(file, ".gz")
			}
			switch {
			case err != nil:
				bad = p.Fail(1, "%s: not in gzip format", file)
			case toOutput:
				_, _ = p.Stdout.Write(out)
			default:
				if err := p.WriteFile(target, out, 0o644); err != nil {
					bad = p.Fail(1, "%s: %s", target, shell.Reason(err))
				} else if !o.has("k") {
					bad = max(bad, removed(p, file))
				}
			}
		})
		return max(status, bad)
	})
}

func removed(p *shell.Proc, file string) int {
	if err := p.FS.Remove(p.Path(file)); err != nil {
		return p.Fail(1, "%s: %s", file, shell.Reason(err))
	}
	return 0
}

func pack(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(content)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

func unzip(content []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
