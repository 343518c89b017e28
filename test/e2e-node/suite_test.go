// Package e2enode holds what only real nodes can show: that the user data which EC2 hands
// out makes an unmodified kubelet join, by an unmodified kubeadm, under a real systemd, and
// that pods run there. `make e2e-node` builds the nodes' images and runs the specs in a
// world of their own (see test/node); it needs root. It does so for each Kubernetes minor in
// NODE_MINORS. KARPENTER_OUTAGE=10m has the controller be away for longer than CI can wait.
package e2enode_test

import (
	"context"
	"encoding/json"
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
	corev1 "k8s.io/api/core/v1"
	kubeclient "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
	hollow "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/image"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/mirror"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

const (
	region = "ap-northeast-2"
	// imageFile names the file that `node build` printed.
	imageFile = "KARPENTER_NODE_IMAGE"
	// certificateLife is how long certificates of nodes are good. The kubelet asks for the next one when 70 to 90 %
	// of it are over, counted from five minutes before it was signed: at most 51 seconds after that.
	certificateLife = 90 * time.Second
	// debianImage is named as Debian's cloud team does; what it is, is in every image here.
	debianImage = "debian-12-amd64-20260601-2500"
	// everyMinor labels specs that run on each Kubernetes minor, not the newest alone.
	everyMinor = "every-minor"
)

func TestE2ENode(t *testing.T) {
	if os.Getenv(world.Folder) == "" {
		t.Skip("real nodes need root and a world of their own: run `make e2e-node`")
	}
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(2 * time.Minute)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	RunSpecs(t, "Real nodes")
}

// parts are what specs look at.
type parts struct {
	image    image.Image
	env      *env.Env
	machines *node.Booter   // boots instances
	packages *mirror.Mirror // what their scripts install from
	kube     *kubeclient.Clientset
}

// run is the one world that all specs share.
var run = sync.OnceValue(func() *parts {
	p := &parts{}
	text, err := os.ReadFile(os.Getenv(imageFile))
	Expect(err).NotTo(HaveOccurred(), "reading the images that `node build` made")
	Expect(json.Unmarshal(text, &p.image)).To(Succeed())
	p.env, err = env.Start(context.Background(), env.Options{
		Logs: world.Logs(), Region: region, Policies: true,
		Values: map[string]any{"settings": map[string]any{"batchIdleDuration": "500ms", "batchMaxDuration": "2s"}},
		ControlPlane: []string{
			"--address=" + world.ControlPlane, "--kubernetes=" + p.image.Kubernetes, "--controller-manager-arg=cluster-signing-duration=" + certificateLife.String(),
		},
		Boot: p.boot,
	})
	Expect(err).NotTo(HaveOccurred())
	return p
})

// boot starts the package mirror and the booter of real machines.
func (p *parts) boot(ctx context.Context, e *env.Env) (func(), error) {
	var err error
	if p.packages, err = mirror.Start(ctx, world.Repositories, p.image.Repositories); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(world.Logs(), "nodes.log"))
	if err != nil {
		return nil, err
	}
	logger := zapr.NewLogger(zap.New(zapcore.NewCore(
		zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(file), zapcore.InfoLevel)))
	api, control := e.Hypervisor()
	p.machines = node.New(node.Config{
		EC2: api, Region: region, Hypervisor: control, Roles: control, Image: p.image, Program: os.Getenv(world.Program), Dir: world.Machines(), Mirror: p.packages,
	})
	ctx, cancel := context.WithCancel(log.IntoContext(context.WithoutCancel(ctx), logger))
	ended := make(chan error, 1)
	go func() { ended <- p.machines.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			logger.Error(err, "switching machines off")
		}
		_ = p.packages.Close()
		_ = file.Close()
	}, nil
}

var _ = BeforeSuite(func(ctx SpecContext) {
	p := run()
	configureKubelets(ctx, p)
	for name, tags := range map[string]map[string]string{"node-with-everything-installed": {hollow.BakedTag: p.image.Kubernetes}, debianImage: nil} {
		_, err := p.env.AWS.EC2.AddImage(region, ec2.Image{Name: name, Architecture: "x86_64", RootDevice: "/dev/sda1", RootSizeGiB: 8, Tags: tags})
		Expect(err).NotTo(HaveOccurred())
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.env.Kubeconfig())
	Expect(err).NotTo(HaveOccurred())
	p.kube, err = kubeclient.NewForConfig(config)
	Expect(err).NotTo(HaveOccurred())
	Expect(p.env.StartController(ctx, nil)).To(Succeed())
}, NodeTimeout(5*time.Minute))

var _ = AfterSuite(func(SpecContext) { run().env.Stop() }, NodeTimeout(2*time.Minute))

// configureKubelets has kubelets ask for serving certificates, as clusters do whose metrics are scraped with TLS. It
// tells those from 1.35 on, which refuse cgroup v1, that this machine's kernel is all there is, and all of them that
// disks are too: how full they are is no matter of a node's. All else in kubelet-config is stock kubeadm's, the systemd
// cgroup driver above all.
func configureKubelets(ctx context.Context, p *parts) {
	GinkgoHelper()
	published := &corev1.ConfigMap{}
	Expect(p.env.Admin.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "kubelet-config"}, published)).To(Succeed())
	config := map[string]any{}
	Expect(yaml.Unmarshal([]byte(published.Data["kubelet"]), &config)).To(Succeed())
	Expect(config).To(And(HaveKeyWithValue("cgroupDriver", "systemd"), HaveKeyWithValue("rotateCertificates", true)))
	config["serverTLSBootstrap"] = true
	config["imageGCHighThresholdPercent"] = 100
	config["evictionHard"] = map[string]string{
		"memory.available": "100Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%", "imagefs.inodesFree": "1%",
	}
	if image.RefusesV1(p.image.Kubernetes) {
		config["failCgroupV1"] = false
	}
	text, err := yaml.Marshal(config)
	Expect(err).NotTo(HaveOccurred())
	published.Data["kubelet"] = string(text)
	Expect(p.env.Admin.Update(ctx, published)).To(Succeed())
}
