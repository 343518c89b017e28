package hollow_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/controlplane"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/hypervisor"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// patience is how long a node may take on a machine that other tests share.
const patience = 90 * time.Second

// world is an account, a cluster and a booter between them.
type world struct {
	aws    *awsfake.Server
	api    *ec2.Client
	kube   kubernetes.Interface
	booter *hollow.Booter
	server string // host:port
	pin    string // sha256:<hex>
	ca     []byte
	image  string
	subnet string
	// profile is the instance profile of what is launched; empty for none.
	profile string
}

// newWorld starts all three; they end with t.
func newWorld(t *testing.T) *world {
	t.Helper()
	g := NewWithT(t)
	program, err := filepath.Abs("../../bin/cluster")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(program).To(BeARegularFile(), "run `make tools` first")
	control, err := controlplane.Start(t.Context(), program, t.TempDir(), "--dir", t.TempDir())
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(control.Stop)
	config, err := clientcmd.BuildConfigFromFlags("", control.Kubeconfig)
	g.Expect(err).NotTo(HaveOccurred())
	config.QPS = -1
	w := &world{aws: awsfake.Start(t), kube: kubernetes.NewForConfigOrDie(config), server: control.Endpoint, ca: config.CAData}
	pins, err := cluster.Pins(config.CAData)
	g.Expect(err).NotTo(HaveOccurred())
	w.pin = pins[0]
	w.api = ec2.NewFromConfig(w.aws.Config())
	w.place(t)
	w.boot(t, config)
	return w
}

// place finds an image and a subnet of the account's seed.
func (w *world) place(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	images, err := w.api.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Filters: []ec2types.Filter{
		{Name: aws.String("name"), Values: []string{"ubuntu/images/*24.04-amd64*"}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}},
	}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(images.Images).NotTo(BeEmpty())
	w.image = aws.ToString(images.Images[0].ImageId)
	subnets, err := w.api.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(subnets.Subnets).NotTo(BeEmpty())
	w.subnet = aws.ToString(subnets.Subnets[0].SubnetId)
}

// boot runs the booter until t ends.
func (w *world) boot(t *testing.T, config *rest.Config) {
	t.Helper()
	w.booter = hollow.New(hollow.Config{
		EC2: w.api, Region: w.aws.Region(), Hypervisor: hypervisor.New(w.aws.URL, w.aws.Region()), Cluster: config, Roles: roles{}, Poll: 50 * time.Millisecond,
		Machine: machine.Config{Kubernetes: "v1.36.3"}, Kubelet: kubelet.Options{LeaseInterval: time.Second},
	})
	ctx := log.IntoContext(context.WithoutCancel(t.Context()), logr.Discard())
	ctx, cancel := context.WithCancel(ctx) // t's own ends before the cleanup that waits
	done := make(chan error, 1)
	go func() { done <- w.booter.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		NewWithT(t).Eventually(done, time.Minute).Should(Receive(BeNil()))
	})
}

// launch starts an instance with user data and returns its id.
func (w *world) launch(t *testing.T, userData string) string {
	t.Helper()
	var profile *ec2types.IamInstanceProfileSpecification
	if w.profile != "" {
		profile = &ec2types.IamInstanceProfileSpecification{Name: &w.profile}
	}
	out, err := w.api.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: &w.image, InstanceType: ec2types.InstanceTypeT3Large, SubnetId: &w.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), IamInstanceProfile: profile,
		UserData:        aws.String(base64.StdEncoding.EncodeToString([]byte(userData))),
		MetadataOptions: &ec2types.InstanceMetadataOptionsRequest{HttpTokens: ec2types.HttpTokensStateRequired},
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{
			{Key: aws.String("karpenter.sh/nodepool"), Value: aws.String("default")},
		}}},
	})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return aws.ToString(out.Instances[0].InstanceId)
}

// token makes a bootstrap token of a group, by default kubeadm's own, whose requests are approved by themselves.
func (w *world) token(t *testing.T, id string, group ...string) string {
	t.Helper()
	group = append(group, "system:bootstrappers:kubeadm:default-node-token")
	secret := "0123456789abcdef"
	_, err := w.kube.CoreV1().Secrets(metav1.NamespaceSystem).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + id}, Type: "bootstrap.kubernetes.io/token",
		StringData: map[string]string{
			"token-id": id, "token-secret": secret, "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
			"auth-extra-groups": group[0],
		},
	}, metav1.CreateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return id + "." + secret
}

// nodes returns the Nodes of an instance: one or none.
func (w *world) nodes(ctx context.Context, id string) ([]corev1.Node, error) {
	all, err := w.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all.Items, func(node corev1.Node) bool { return node.Annotations[kubelet.InstanceAnnotation] != id }), nil
}

// ready waits for the node of an instance.
func (w *world) ready(t *testing.T, id string) *corev1.Node {
	t.Helper()
	g := NewWithT(t)
	var found []corev1.Node
	g.Eventually(func(g Gomega) {
		var err error
		found, err = w.nodes(t.Context(), id)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found).To(HaveLen(1))
		g.Expect(found[0].Status.Conditions).To(ContainElement(And(HaveField("Type", corev1.NodeReady), HaveField("Status", corev1.ConditionTrue))))
	}).WithTimeout(patience).WithPolling(100*time.Millisecond).Should(Succeed(), func() string { return w.console(id) })
	return &found[0]
}

// console is all that the machine says: a person on it would read the journal too.
func (w *world) console(id string) string {
	m := w.booter.Machine(id)
	if m == nil {
		return "no machine " + id
	}
	return fmt.Sprintf("console of %s:\n%s\njournal:\n%s", id, m.Console.Text(), m.Journal.Text())
}

// setup makes an instance able to join, with the packages of the cluster's minor.
const setup = `#!/bin/bash
set -ex
modprobe overlay; modprobe br_netfilter
sysctl -w net.ipv4.ip_forward=1
curl -fsSL https://pkgs.k8s.io/core:/stable:/v1.36/deb/Release.key | gpg --dearmor -o /etc/apt/keyrings/k.gpg
echo 'deb [signed-by=/etc/apt/keyrings/k.gpg] https://pkgs.k8s.io/core:/stable:/v1.36/deb/ /' > /etc/apt/sources.list.d/k.list
apt-get update
apt-get install -y containerd kubelet kubeadm kubectl
mkdir -p /etc/containerd
containerd config default | sed 's/SystemdCgroup = false/SystemdCgroup = true/' > /etc/containerd/config.toml
systemctl restart containerd
`

// named gives the node EC2's name and provider id as the product's script does.
const named = `T=$(curl -sf -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')
get() { curl -sf -H "X-aws-ec2-metadata-token: $T" "http://169.254.169.254/latest/meta-data/$1"; }
PROVIDER="aws:///$(get placement/availability-zone)/$(get instance-id)"
`
