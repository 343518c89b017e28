// Package e2ekind holds what only a whole cluster of other people's making can show: an
// instance that LocalStack's EC2 launched is a machine under systemd, runs its user data,
// and joins kind's control plane by the unmodified kubeadm and kubelet. `make e2e-kind`
// makes the cluster and runs the specs of test/e2e that are portable, and then these.
package e2ekind_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/zapr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/booter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/kind/docker"
)

const (
	region = "us-east-1"
	// These come from test/kind/cmd.
	kubeconfig = "E2E_KUBECONFIG"
	endpoint   = "AWS_ENDPOINT_URL"
	nodeImage  = "KARPENTER_KIND_IMAGE"
	logs       = "KARPENTER_KIND_LOGS"
)

func TestE2EKind(t *testing.T) {
	if os.Getenv(nodeImage) == "" {
		t.Skip("these specs need a kind cluster in a world of its own: run `make e2e-kind`")
	}
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(3 * time.Minute)
	SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	RunSpecs(t, "kind")
}

// world is the one that all specs share.
var world = sync.OnceValue(func() *env.Env {
	e, err := env.Start(context.Background(), env.Options{
		Logs: os.Getenv(logs), Region: region, Kubeconfig: os.Getenv(kubeconfig), Endpoint: os.Getenv(endpoint), Boot: boot,
	})
	Expect(err).NotTo(HaveOccurred())
	return e
})

// machines is the Docker that instances are containers of.
func machines() docker.Docker { return docker.Docker{Path: os.Getenv("PATH")} }

// boot has instances boot as containers.
func boot(ctx context.Context, e *env.Env) (func(), error) {
	file, err := os.Create(filepath.Join(os.Getenv(logs), "instances.log"))
	if err != nil {
		return nil, err
	}
	logger := zapr.NewLogger(zap.New(zapcore.NewCore(
		zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(file), zapcore.InfoLevel)))
	api, _ := e.Hypervisor()
	b := booter.New(booter.Config{EC2: api, Region: region, Docker: machines(), Image: os.Getenv(nodeImage)})
	ctx, cancel := context.WithCancel(log.IntoContext(context.WithoutCancel(ctx), logger))
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			logger.Error(err, "switching instances off")
		}
		_ = file.Close()
	}, nil
}

var _ = BeforeSuite(func(ctx SpecContext) {
	Expect(world().StartController(ctx, nil)).To(Succeed())
}, NodeTimeout(5*time.Minute))

var _ = AfterSuite(func(SpecContext) { world().Stop() }, NodeTimeout(2*time.Minute))
