package main

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/binary"
)

// files are the program's sources and requirements. They are carried along, so that "build" needs no checkout and what
// it makes is known by them alone.
//
//go:embed go.mod go.sum releases/*.mod releases/*.sum kube/*.go
var files embed.FS

// errRelease is returned for a release that this program does not know how to build.
type errRelease struct {
	asked string
	known []string
}

func (e errRelease) Error() string {
	return fmt.Sprintf("--kubernetes: %q cannot be built here; take one of %s", e.asked, strings.Join(e.known, ", "))
}

// source returns what a Kubernetes release is built from: a minor as in "1.34", a patch as in "1.34.4", or "" for the
// release that this module requires.
func source(kubernetes string) (binary.Source, error) {
	unknown := errRelease{asked: kubernetes}
	for _, requirements := range requirements() {
		s, err := sourceWith(requirements)
		if err != nil {
			return nil, err
		}
		version, err := s.Version(binary.Platform)
		if err != nil {
			return nil, err
		}
		if kubernetes == "" || strings.HasPrefix(version+".", "v"+strings.TrimPrefix(kubernetes, "v")+".") {
			return s, nil
		}
		unknown.known = append(unknown.known, strings.TrimPrefix(version, "v"))
	}
	return nil, unknown
}

// requirements lists the go.mod files, this module's own first, then from the newest minor to the oldest.
func requirements() []string {
	others, err := fs.Glob(files, "releases/*.mod")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	slices.Reverse(others)
	return append([]string{"go.mod"}, others...)
}

// sourceWith is the program with one of the go.mod files, and the go.sum beside it, as its own.
func sourceWith(requirements string) (binary.Source, error) {
	s := binary.Source{}
	programs, err := fs.Glob(files, "kube/*.go")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	as := map[string]string{
		requirements: "go.mod",
		strings.TrimSuffix(requirements, path.Ext(requirements)) + ".sum": "go.sum",
	}
	for _, name := range programs {
		as[name] = name
	}
	for from, to := range as {
		content, err := files.ReadFile(from)
		if err != nil {
			return nil, fmt.Errorf("reading the sources: %w", err)
		}
		s[to] = string(content)
	}
	return s, nil
}
