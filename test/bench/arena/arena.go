package arena

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/measure"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

const (
	// Region is where the pretended account is used.
	Region = "ap-northeast-2"
	// Key is the access key of the controller under test, by which its calls are told from others.
	Key = "AKIABENCH00000000000"
	// Queue is the one for interruptions.
	Queue = "bench-interruptions"
	// Namespace is where workloads run.
	Namespace = "default"

	clusterName = "bench"
	// hypervisorKey is the access key of what boots instances. It stands behind EC2, and no limit holds it.
	hypervisorKey = "hypervisor"

	// booting is from launch to running, stopping from termination to terminated: a guess at
	// what EC2 takes without the operating system, whose time the hollow machine leaves out.
	booting  = 4 * time.Second
	stopping = 10 * time.Second
	// unseen is how long a new instance is unknown to Describe: EC2 is eventually consistent.
	unseen = 500 * time.Millisecond
)

// Subject is a controller to measure.
type Subject struct {
	Name, Binary string
	// Own: it renders user data, mints tokens and approves certificates itself.
	Own bool
}

// Options say what arena to make.
type Options struct {
	Subject Subject
	// Logs is a folder for the output of every part; it must exist.
	Logs string
	// Nodes is how many there will be at the most.
	Nodes int
	// Environment goes to the controller over the chart's and the arena's.
	Environment map[string]string
	Progress    func(string)
}

// Arena is a world with one controller under test.
type Arena struct {
	*env.Env
	Subject  Subject
	Observer *measure.Observer
	Options  Options

	config   *rest.Config
	image    string
	userData string
	told     map[string]string // the controller, beside the chart's environment: only what the official one knows, too
	stop     context.CancelFunc
}

// LeaseInterval is how often each of that many nodes renews its lease. Up to a thousand it is
// a kubelet's ten seconds; beyond, all together renew a hundred a second.
func LeaseInterval(nodes int) time.Duration {
	return max(10*time.Second, time.Duration(nodes)*10*time.Millisecond)
}

// New makes an arena in which the controller is ready.
func New(ctx context.Context, o Options) (*Arena, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	// There is no second replica to lead in its place, and on a machine that is this busy a
	// lease may run out; so it holds none.
	told := map[string]string{"AWS_ACCESS_KEY_ID": Key, "DISABLE_LEADER_ELECTION": "true"}
	a := &Arena{Subject: o.Subject, Options: o, stop: stop, told: told}
	maps.Copy(a.told, o.Environment)
	if err := a.start(ctx, life); err != nil {
		a.Stop()
		return nil, fmt.Errorf("preparing a world for %s (see %s): %w", o.Subject.Name, o.Logs, err)
	}
	return a, nil
}

func (a *Arena) start(ctx, life context.Context) error {
	var err error
	if a.Env, err = env.Start(ctx, a.world()); err != nil {
		return err
	}
	a.Binaries.Controller = a.Subject.Binary
	if a.config, err = clientcmd.BuildConfigFromFlags("", a.Kubeconfig()); err != nil {
		return err
	}
	a.config.QPS = -1
	if a.Observer, err = measure.Observe(life, a.config, env.Scheme(), Namespace); err != nil {
		return err
	}
	if a.image, err = a.addImages(); err != nil {
		return err
	}
	if a.userData, err = a.mint(ctx); err != nil {
		return err
	}
	a.AWS.SQS.AddQueue(Region, Queue)
	a.AWS.SpareFromLimits(hypervisorKey)
	a.AWS.SetLimits(Limits()...)
	for _, latency := range latencies() {
		a.AWS.Inject(latency)
	}
	return a.StartController(ctx, nil)
}

// world is what the environment is made of.
func (a *Arena) world() env.Options {
	lease := LeaseInterval(a.Options.Nodes)
	settings := map[string]any{}
	if !a.Subject.Own {
		settings["csrApproval"] = "kubeadm"
	}
	return env.Options{
		Logs: a.Options.Logs, Region: Region, ClusterName: clusterName, Progress: a.Options.Progress,
		Pending: booting, ShuttingDown: stopping, Visible: unseen,
		Values: map[string]any{"settings": settings},
		// Nodes take no part of a pod network, which would end at 256 of them. The control plane's
		// own programs may talk as fast as they can: they are not what is measured.
		ControlPlane: []string{
			"--pod-cidr=", "--node-monitor-grace-period=" + max(time.Minute, 6*lease).String(),
			"--controller-manager-arg=kube-api-qps=1000", "--controller-manager-arg=kube-api-burst=2000",
			"--scheduler-arg=kube-api-qps=1000", "--scheduler-arg=kube-api-burst=2000",
		},
		Environment: a.told, Boot: a.boot,
	}
}

// addImages registers a node image with containerd, kubelet and kubeadm on it and returns its name.
func (a *Arena) addImages() (string, error) {
	const name = "bench-node"
	for _, arch := range []string{"x86_64", "arm64"} {
		_, err := a.AWS.EC2.AddImage(Region, ec2.Image{
			Name: name, Architecture: arch, Created: time.Now(), RootDevice: "/dev/sda1", RootSizeGiB: 8,
			Tags: map[string]string{"kubernetes_version": "1.36.3"},
		})
		if err != nil {
			return "", fmt.Errorf("registering the node image: %w", err)
		}
	}
	return name, nil
}

// Stop ends everything.
func (a *Arena) Stop() {
	a.stop()
	if a.Env != nil {
		a.Env.Stop()
	}
}

func (a *Arena) log(name string) string { return filepath.Join(a.Options.Logs, name) }

// Sources are where a meter reads what the controller does.
func (a *Arena) Sources() measure.Sources {
	return measure.Sources{
		Process: func() (int, string) { return a.Controller().PID(), a.Controller().MetricsURL() },
		Answers: a.AWS.Answers, Seen: a.Proxy.Seen, Key: Key,
	}
}

// Machine is one instance that was launched for the cluster.
type Machine struct {
	ID, ProviderID string
	Launched       time.Time
	Alive          bool
	Price          float64 // USD per hour
}

// Fleet returns every instance of a NodePool that EC2 remembers.
func (a *Arena) Fleet() ([]Machine, error) {
	all, err := a.AWS.EC2.Instances(Region)
	if err != nil {
		return nil, err
	}
	var fleet []Machine
	for _, i := range all {
		if i.Tags[karpv1.NodePoolLabelKey] == "" {
			continue
		}
		m := Machine{
			ID: i.ID, ProviderID: instance.ProviderID(i.Zone, instance.ID(i.ID)), Launched: i.Launched,
			Alive: i.State == ec2.Pending || i.State == ec2.Running,
		}
		if i.CapacityType == ec2.Spot {
			m.Price, _ = catalogue.SpotPrice(Region, i.Zone, i.Type)
		} else {
			m.Price, _ = catalogue.Price(Region, i.Type)
		}
		fleet = append(fleet, m)
	}
	return fleet, nil
}
