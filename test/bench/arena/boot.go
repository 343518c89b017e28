package arena

import (
	"context"
	"fmt"
	"os"

	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// boot boots hollow nodes from what EC2 launches, until stop is called.
func (a *Arena) boot(ctx context.Context, world *env.Env) (stop func(), err error) {
	file, err := os.OpenFile(a.log("nodes.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the nodes' log: %w", err)
	}
	logger := zapr.NewLogger(zap.New(zapcore.NewCore(
		zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(file), zapcore.WarnLevel)))
	player, err := clientcmd.BuildConfigFromFlags("", world.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	a.told["CLUSTER_ENDPOINT"] = player.Host // known now, before the controller's environment is made of it
	nodes := hollow.New(hollow.Config{
		EC2: awsec2.NewFromConfig(world.AWS.ConfigFor(hypervisorKey, Region)), Region: Region, Hypervisor: hypervisor{world.AWS.EC2},
		Cluster: player, Machine: machine.Config{Kubernetes: "v1.36.3", AWS: world.AWS.URL, Speed: 10},
		Kubelet: kubelet.Options{LeaseInterval: LeaseInterval(a.Options.Nodes)},
	})
	ctx, cancel := context.WithCancel(log.IntoContext(context.WithoutCancel(ctx), logger))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := nodes.Run(ctx); err != nil {
			logger.Error(err, "booting nodes ended")
		}
	}()
	return func() {
		cancel()
		<-ended
		_ = file.Close()
	}, nil
}

// hypervisor is the pretended EC2's side of instances, without HTTP between: it takes part in
// each boot and is not what is measured.
type hypervisor struct{ world *ec2.World }

func (h hypervisor) SetConsole(_ context.Context, id, text string) error {
	return h.world.SetConsoleOutput(Region, id, []byte(text))
}

func (h hypervisor) Changes(_ context.Context, since uint64) ([]inventory.Change, uint64, error) {
	changed, now, err := h.world.Changes(Region, since)
	changes := make([]inventory.Change, 0, len(changed))
	for _, c := range changed {
		changes = append(changes, inventory.Change(c))
	}
	return changes, now, err
}
