package main

import (
	"embed"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/binary"
)

// The sources are carried along, so that "build" needs no checkout and what it makes is known by them alone.
//
//go:embed go.mod go.sum kube/*.go
var files embed.FS

func source() binary.Source { return binary.Source{FS: files} }
