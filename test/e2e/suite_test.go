// Package e2e holds the promises that a user can see, as specs: pending pods become
// Ready nodes, and go again, whatever is deleted, refused or killed meanwhile. Each spec
// makes its own NodePool and workload in a world that its process shares (see test/env).
package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

// kubeconfig is not called KUBECONFIG: whoever has that in the environment does not mean that
// specs shall run there. `make e2e KUBECONFIG=...` says so.
const kubeconfig = "E2E_KUBECONFIG"

// Portable specs need nothing of EC2 but its API, and pass on anybody's.
var Portable = Label("portable")

// Slow specs take minutes, most of them waiting.
var Slow = Label("slow")

func TestE2E(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(2 * time.Minute)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	RunSpecs(t, "End to end")
}

// logs is where the parts of this process's world write; kept when a spec failed.
var logs = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "karpenter-e2e-*")
	Expect(err).NotTo(HaveOccurred())
	return dir
})

// world is the one that this process's specs share.
var world = sync.OnceValue(func() *env.Env {
	e, err := env.Start(context.Background(), env.Options{
		Logs: logs(), Policies: true, Values: fastValues(), Endpoint: os.Getenv("AWS_ENDPOINT_URL"),
		Kubeconfig: os.Getenv(kubeconfig),
	})
	Expect(err).NotTo(HaveOccurred())
	return e
})

// fastValues are settings under which a spec does not wait for what it is not about.
func fastValues() map[string]any {
	return map[string]any{"settings": map[string]any{"batchIdleDuration": "500ms", "batchMaxDuration": "2s"}}
}

var _ = BeforeSuite(func(ctx SpecContext) {
	Expect(world().StartController(ctx, nil)).To(Succeed())
}, NodeTimeout(15*time.Minute))

var failed bool

var _ = ReportAfterEach(func(report SpecReport) {
	failed = failed || report.Failed()
})

var _ = SynchronizedAfterSuite(func() {
	world().Stop()
	writeAccess(world())
	if failed {
		GinkgoWriter.Println("output of every part is in " + logs())
		return
	}
	Expect(os.RemoveAll(logs())).To(Succeed())
}, checkAccess)

// seed is the folder of the seed manifests.
func seed(file string) string {
	return filepath.Join(world().Binaries.Root, "charts", "karpenter", "examples", "seed", file)
}
