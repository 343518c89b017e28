// Package apiserver starts a real kube-apiserver with its etcd for a test, on loopback,
// with all of our CRDs installed. Nothing else runs: no controllers, no scheduler.
//
// It finds the programs in the folder that KUBEBUILDER_ASSETS names, else among those that
// test/cluster built into the cache. It remembers nothing; the servers end with the test.
// A test without programs fails, naming the command that builds them.
package apiserver

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/crds"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/cache"
)

// startTimeout is how long etcd and kube-apiserver may take. They take three seconds on a
// quiet machine; tests of many packages run beside each other.
const startTimeout = 2 * time.Minute

// Arg is a flag of kube-apiserver without its dashes, for example {"enable-bootstrap-token-auth", "true"}.
type Arg struct{ Name, Value string }

// Start starts an API server with args added to its flags and returns how an administrator
// reaches it. It stops when the test ends.
func Start(tb testing.TB, args ...Arg) *rest.Config {
	tb.Helper()
	dir, err := assets()
	if err != nil {
		tb.Fatal(err)
	}
	definitions, err := crds.List()
	if err != nil {
		tb.Fatal(err)
	}
	env := &envtest.Environment{
		BinaryAssetsDirectory:    dir,
		CRDs:                     definitions,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  startTimeout,
	}
	flags := env.ControlPlane.GetAPIServer().Configure()
	for _, arg := range args {
		flags.Set(arg.Name, arg.Value)
	}
	config, err := env.Start()
	tb.Cleanup(func() {
		if err := env.Stop(); err != nil {
			tb.Errorf("stopping the API server: %v", err)
		}
	})
	if err != nil {
		tb.Fatalf("starting an API server with the programs in %s: %v", dir, err)
	}
	return config
}

// assets returns the folder with the programs: KUBEBUILDER_ASSETS, else the newest that
// test/cluster built.
func assets() (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return dir, nil
	}
	folder, err := cache.Folder()
	if err != nil {
		return "", err
	}
	return newest(folder)
}

// newest returns the folder in the cache whose kube-apiserver was built last.
func newest(folder string) (string, error) {
	built, err := filepath.Glob(filepath.Join(folder, "kube", "*", "*", "kube-apiserver"))
	if err != nil || len(built) == 0 {
		return "", errors.Join(fmt.Errorf("no kube-apiserver below %s: run `make tools`, or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver", folder), err)
	}
	return filepath.Dir(slices.MaxFunc(built, func(a, b string) int {
		return cmp.Compare(modified(a), modified(b))
	})), nil
}

// modified is when the file was written in Unix nanoseconds, 0 when it cannot be read.
func modified(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}
