// Command image writes an OCI image archive of the controller: one static binary, CA
// certificates, a user that is not root. It needs neither Docker nor a registry; the
// archive is what `ctr images import`, `kind load image-archive` and `skopeo copy` read.
//
// The same binary and tag give the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "", "the controller, statically linked")
	flag.StringVar(&o.repository, "repository", "karpenter-kubeadm/controller", "name of the image")
	flag.StringVar(&o.tag, "tag", "dev", "tag of the image")
	flag.StringVar(&o.output, "output", "controller-image.tar", "the archive to write")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

type options struct{ binary, repository, tag, output string }

func run(o options) error {
	if o.binary == "" {
		return errors.New("-binary is missing: give the path of the controller")
	}
	arch, err := architecture(o.binary)
	if err != nil {
		return err
	}
	image, err := build(o.binary, arch)
	if err != nil {
		return fmt.Errorf("building the image: %w", err)
	}
	if err := archive(image, o.repository+":"+o.tag, o.output); err != nil {
		return fmt.Errorf("writing %s: %w", o.output, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return fmt.Errorf("digesting the image: %w", err)
	}
	fmt.Printf("%s: %s:%s@%s linux/%s\n", o.output, o.repository, o.tag, digest, arch)
	return nil
}
