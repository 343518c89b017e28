package coreutils

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"path"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// tarCommand unpacks an archive, packed with gzip or not, into a folder that is there.
func tarCommand(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "xzvf:C:", long: map[string]string{"extract": "x", "gzip": "z", "file": "f", "directory": "C", "no-same-owner": "v"}}
	return s.run(p, 2, func(o options, names []string) int {
		if !o.has("x") || !o.has("f") || len(names) > 0 {
			return p.Fail(2, "only -x of a whole -f is known here")
		}
		content, err := p.ReadFile(o.last("f", ""))
		if err != nil {
			return p.Fail(2, "%s: Cannot open: %s", o.last("f", ""), shell.Reason(err))
		}
		if o.has("z") {
			if content, err = unzip(content); err != nil {
				return p.Fail(2, "Error is not recoverable: exiting now")
			}
		}
		folder := p.Path(o.last("C", "."))
		if info, err := p.FS.Stat(folder); err != nil || !info.IsDir() {
			return p.Fail(2, "%s: Cannot open: No such file or directory", folder)
		}
		if err := extract(p, content, folder); err != nil {
			return p.Fail(2, "%v", err)
		}
		return 0
	})
}

func extract(p *shell.Proc, archive []byte, folder string) error {
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return err
		}
		if err := p.FS.Put(folder+path.Clean("/"+header.Name), content, header.FileInfo().Mode().Perm()); err != nil {
			return err
		}
	}
}
