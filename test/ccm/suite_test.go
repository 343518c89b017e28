package ccm_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

const region = "ap-northeast-2"

func TestCloudControllerManager(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	RunSpecs(t, "Cloud controller manager")
}

// newWorld makes a world with a NodeClass and a NodePool, whose parts' output is in logs.
func newWorld(ctx SpecContext) (e *env.Env, logs string) {
	GinkgoHelper()
	logs, err := os.MkdirTemp("", "karpenter-ccm-*")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		if CurrentSpecReport().Failed() {
			GinkgoWriter.Println("output of every part is in " + logs)
			return
		}
		Expect(os.RemoveAll(logs)).To(Succeed())
	})
	e, err = env.Start(ctx, env.Options{
		Logs: logs, Region: region,
		Values: map[string]any{"settings": map[string]any{"batchIdleDuration": "500ms", "batchMaxDuration": "2s"}},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(e.Stop)
	pool, err := filepath.Abs(filepath.Join("testdata", "pool.yaml"))
	Expect(err).NotTo(HaveOccurred())
	Expect(env.ApplyFile(ctx, e.Admin, pool)).To(Succeed())
	return e, logs
}
