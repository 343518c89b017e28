package env

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/controlplane"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/install"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/proxy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow"
)

const (
	// controllerPatience is how long a controller may take to end when it is asked to.
	controllerPatience = 20 * time.Second
)

// Env is a running world. Start makes it.
type Env struct {
	Binaries Binaries
	Admin    client.WithWatch // as administrator, without a cache
	AWS      *awsfake.Server  // nil when Options.Endpoint is somebody else's
	Proxy    *proxy.Proxy     // between controller and API server
	Nodes    *hollow.Booter

	// Image is what a NodeClass has to name where the family's own images are not published;
	// empty on the pretended AWS, which has them.
	Image string

	options     Options
	config      *rest.Config
	cloud       cloud
	kubeconfig  string                // of an administrator
	cluster     *controlplane.Cluster // nil when the cluster is somebody else's
	version     string                // of the API server
	deployed    bool                  // the controller is a pod of that cluster already
	ec2         *awsec2.Client
	policy      *policy.Document
	chart       []*unstructured.Unstructured
	environment map[string]string // of the controller
	controller  *Controller
	ends        []func() // what to end, in the order it was started
}

// Start makes a world, without a controller yet. What it started before an error is ended.
func Start(ctx context.Context, o Options) (*Env, error) {
	o.complete()
	e := &Env{options: o}
	for _, step := range []func(context.Context) error{e.startCluster, e.startCloud, e.startNodes, e.install} {
		if err := step(ctx); err != nil {
			e.Stop()
			return nil, err
		}
	}
	return e, nil
}

// Stop ends everything, the last started first.
func (e *Env) Stop() {
	for i := len(e.ends) - 1; i >= 0; i-- {
		e.ends[i]()
	}
	e.ends = nil
}

func (e *Env) startCluster(ctx context.Context) error {
	var err error
	if e.Binaries, err = Locate(); err != nil {
		return err
	}
	if e.kubeconfig, err = e.provideCluster(ctx); err != nil {
		return err
	}
	if e.config, err = clientcmd.BuildConfigFromFlags("", e.kubeconfig); err != nil {
		return fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	e.config.QPS, e.config.Burst = 1000, 1000
	if e.Admin, err = client.NewWithWatch(e.config, client.Options{Scheme: Scheme()}); err != nil {
		return fmt.Errorf("making the administrator's client: %w", err)
	}
	if e.version, err = serverVersion(e.config); err != nil {
		return err
	}
	if e.Proxy, err = proxy.Start(e.config); err != nil {
		return err
	}
	e.ends = append(e.ends, e.Proxy.Close)
	e.options.Progress("API server at " + e.config.Host)
	return WaitForDefaultServiceAccount(ctx, e.Admin)
}

// serverVersion asks the API server for its release, for example "v1.36.3".
func serverVersion(config *rest.Config) (string, error) {
	discover, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return "", fmt.Errorf("making a discovery client: %w", err)
	}
	version, err := discover.ServerVersion()
	if err != nil {
		return "", fmt.Errorf("asking for the API server's version: %w", err)
	}
	return version.GitVersion, nil
}

// provideCluster returns the kubeconfig of the cluster to use: an embedded one, unless there is another.
func (e *Env) provideCluster(ctx context.Context) (string, error) {
	if e.options.Kubeconfig != "" {
		return e.options.Kubeconfig, nil
	}
	e.options.Progress("starting a kubeadm control plane")
	// A node that stopped is found NotReady after 8 seconds, not 40: specs wait for it.
	var err error
	e.cluster, err = controlplane.Start(ctx, e.Binaries.Cluster, e.options.Logs, append([]string{"--node-monitor-grace-period=8s"}, e.options.ControlPlane...)...)
	if err != nil {
		return "", err
	}
	e.ends = append(e.ends, e.cluster.Stop)
	return e.cluster.Kubeconfig, nil
}

func (e *Env) startCloud(ctx context.Context) error {
	if e.options.Endpoint != "" {
		return e.useCloud(ctx)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until Stop
	e.ends = append(e.ends, cancel)
	var err error
	if e.AWS, err = startAWS(ctx, e.options); err != nil {
		return err
	}
	e.cloud = cloud{url: e.AWS.URL, config: func(key string) aws.Config { return e.AWS.ConfigFor(key, e.options.Region) }}
	e.ec2 = awsec2.NewFromConfig(e.AWS.Config())
	// The role of the seed's instance profile is named as the IAM policy lets the controller pass it.
	e.AWS.IAM.AddProfile(awsfake.NodeProfile, "KarpenterNodeRole-"+e.options.ClusterName)
	e.options.Progress("pretended AWS at " + e.AWS.URL)
	if !e.options.Policies {
		return nil
	}
	e.policy, err = policy.Load(filepath.Join(e.Binaries.Root, "charts", "karpenter", "iam", "controller-policy.json"), map[string]string{
		"AWS_PARTITION": "aws", "AWS_REGION": e.options.Region, "AWS_ACCOUNT_ID": awsfake.DefaultAccount, "CLUSTER_NAME": e.options.ClusterName,
	})
	if err != nil {
		return err
	}
	e.AWS.Policy.SetPrincipal(controllerKey, policy.Principal{
		ARN:       "arn:aws:sts::" + awsfake.DefaultAccount + ":assumed-role/karpenter-controller/e2e",
		Documents: []*policy.Document{e.policy},
	})
	return nil
}

func (e *Env) install(ctx context.Context) error {
	var err error
	if e.deployed, err = e.findDeployment(ctx); err != nil || e.deployed {
		return err
	}
	e.options.Progress("installing both charts")
	values := map[string]any{"settings": map[string]any{}}
	merge(values, e.options.Values)
	values["settings"].(map[string]any)["clusterName"] = e.options.ClusterName
	release := install.Release{Charts: filepath.Join(e.Binaries.Root, "charts"), KubeVersion: e.version, Values: values}
	if e.chart, err = release.Objects(); err != nil {
		return err
	}
	if e.environment, err = install.Apply(ctx, e.Admin, e.chart); err != nil {
		return err
	}
	if err := install.WaitForCRDs(ctx, e.Admin, &karpv1.NodePoolList{}, &karpv1.NodeClaimList{}, &v1.EC2NodeClassList{}); err != nil {
		return err
	}
	kubeconfig := filepath.Join(e.options.Logs, "controller.kubeconfig")
	if err := install.Kubeconfig(ctx, e.Admin, e.Proxy.URL(), e.Proxy.CA(), kubeconfig); err != nil {
		return err
	}
	maps.Copy(e.environment, map[string]string{
		"KUBECONFIG": kubeconfig, "AWS_ENDPOINT_URL": e.cloud.url, "AWS_REGION": e.options.Region,
		"AWS_ACCESS_KEY_ID": controllerKey, "AWS_SECRET_ACCESS_KEY": controllerSecret,
		"AWS_EC2_METADATA_DISABLED": "true",
		// In a pod this is read from the ServiceAccount's mount.
		"LEADER_ELECTION_NAMESPACE": install.Namespace,
	})
	maps.Copy(e.environment, e.options.Environment)
	return nil
}

// merge puts from over into, table by table.
func merge(into, from map[string]any) {
	for key, value := range from {
		table, ok := value.(map[string]any)
		if have, both := into[key].(map[string]any); ok && both {
			merge(have, table)
			continue
		}
		into[key] = value
	}
}

// StartController starts the controller with changes to its environment and returns when it
// is ready. Where it is a pod already, it only waits for that.
func (e *Env) StartController(ctx context.Context, changes map[string]string) error {
	if e.deployed {
		return e.waitForDeployment(ctx)
	}
	c, err := e.RunController(changes)
	if err != nil {
		return err
	}
	if e.controller == nil {
		e.ends = append(e.ends, func() { e.controller.Stop(controllerPatience) })
	}
	e.controller = c
	return c.Ready(ctx)
}

// RunController starts one more controller, that may end by itself, beside the one of StartController.
func (e *Env) RunController(changes map[string]string) (*Controller, error) {
	environment := maps.Clone(e.environment)
	maps.Copy(environment, changes)
	maps.DeleteFunc(environment, func(_, value string) bool { return value == "" })
	return startController(e.Binaries.Controller, e.ControllerLog(), environment)
}

// KillController ends the controller between two of its instructions and starts it anew.
// The lease, which would have run out after some seconds, is taken away with it.
func (e *Env) KillController(ctx context.Context) error {
	e.controller.Kill()
	lease := &unstructured.Unstructured{}
	lease.SetAPIVersion("coordination.k8s.io/v1")
	lease.SetKind("Lease")
	lease.SetNamespace(install.Namespace)
	lease.SetName("karpenter-leader-election")
	if err := client.IgnoreNotFound(e.Admin.Delete(ctx, lease)); err != nil {
		return fmt.Errorf("taking the lease from a dead controller: %w", err)
	}
	return e.StartController(ctx, nil)
}

// Controller is the one that StartController started last.
func (e *Env) Controller() *Controller { return e.controller }

// ControllerLog is the file that every controller writes to.
func (e *Env) ControllerLog() string { return filepath.Join(e.options.Logs, "controller.log") }

// Kubeconfig is the administrator's.
func (e *Env) Kubeconfig() string { return e.kubeconfig }

// ProgramPath is the folder of kubectl and the others that an embedded cluster comes with.
func (e *Env) ProgramPath() string { return e.cluster.Bin }

// ChartObjects are those that the charts made.
func (e *Env) ChartObjects() []*unstructured.Unstructured { return e.chart }

// UnusedStatements lists what no call needed of the controller's IAM policy, pattern by pattern.
func (e *Env) UnusedStatements() []string {
	if e.AWS == nil || e.policy == nil {
		return nil
	}
	return e.AWS.Policy.Unused(e.policy)
}

// DeniedCalls lists the calls of controllers that the IAM policy refused.
func (e *Env) DeniedCalls() []string {
	if e.AWS == nil {
		return nil
	}
	denials := e.AWS.Policy.Denials()
	denied := make([]string, 0, len(denials))
	for _, denial := range denials {
		denied = append(denied, denial.Error())
	}
	return denied
}

// EventsContaining returns the messages of all events whose reason or message holds the text.
func (e *Env) EventsContaining(ctx context.Context, text string) ([]string, error) {
	var list corev1.EventList
	if err := e.Admin.List(ctx, &list); err != nil {
		return nil, err
	}
	var found []string
	for i := range list.Items {
		line := list.Items[i].Reason + ": " + list.Items[i].Message
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found, nil
}

// WatchClaims calls f for each change of a NodeClaim until ctx ends.
func (e *Env) WatchClaims(ctx context.Context, f func(*karpv1.NodeClaim)) error {
	watch, err := e.Admin.Watch(ctx, &karpv1.NodeClaimList{})
	if err != nil {
		return fmt.Errorf("watching NodeClaims: %w", err)
	}
	go func() {
		defer watch.Stop()
		for {
			select {
			case event, open := <-watch.ResultChan():
				if !open {
					return
				}
				if claim, ok := event.Object.(*karpv1.NodeClaim); ok {
					f(claim)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// Scheme knows Kubernetes' types, Karpenter's and ours.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	karpenter := schema.GroupVersion{Group: "karpenter.sh", Version: "v1"}
	scheme.AddKnownTypes(karpenter, &karpv1.NodePool{}, &karpv1.NodePoolList{}, &karpv1.NodeClaim{}, &karpv1.NodeClaimList{})
	metav1.AddToGroupVersion(scheme, karpenter)
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1.AddToScheme(scheme)); err != nil {
		panic(err) // two types with one name: a mistake of the program
	}
	return scheme
}
