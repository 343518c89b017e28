package env

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log"

	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/hypervisor"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// bootKey stands where the access key of the machinery behind EC2 would; no policy holds it.
const bootKey = "hypervisor"

// startNodes boots whatever EC2 launches from now on.
func (e *Env) startNodes(ctx context.Context) error {
	if e.options.Boot == nil {
		return e.startHollowNodes(ctx)
	}
	stop, err := e.options.Boot(ctx, e)
	if err == nil {
		e.ends = append(e.ends, stop)
	}
	return err
}

// Hypervisor is EC2 and its control for what boots its instances; no policy holds their calls.
// Somebody else's EC2 has no such control: its instances show no console and do not reboot.
func (e *Env) Hypervisor() (*awsec2.Client, *hypervisor.Control) {
	client := awsec2.NewFromConfig(e.cloud.config(bootKey))
	if e.AWS == nil {
		return client, nil
	}
	return client, hypervisor.New(e.AWS.URL, e.options.Region)
}

func (e *Env) startHollowNodes(ctx context.Context) error {
	file, err := os.OpenFile(filepath.Join(e.options.Logs, "nodes.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the nodes' log: %w", err)
	}
	logger := zapr.NewLogger(zap.New(zapcore.NewCore(
		zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(file), zapcore.InfoLevel)))
	ctx, cancel := context.WithCancel(log.IntoContext(context.WithoutCancel(ctx), logger)) // until Stop
	ec2, control := e.Hypervisor()
	config := hollow.Config{EC2: ec2, Region: e.options.Region, Cluster: e.config, Machine: machine.Config{Kubernetes: e.version, AWS: e.cloud.url}}
	if control != nil {
		config.Hypervisor, config.Roles = control, control
	}
	e.Nodes = hollow.New(config)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := e.Nodes.Run(ctx); err != nil {
			logger.Error(err, "booting nodes ended")
		}
	}()
	e.ends = append(e.ends, func() {
		cancel()
		<-ended
		_ = file.Close()
	})
	return nil
}
