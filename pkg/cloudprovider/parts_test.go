package cloudprovider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"

	"github.com/awslabs/operatorpkg/status"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// parts are what a CloudProvider asks; each answers what the test put in.
type parts struct {
	types     []*karpenter.InstanceType
	sizes     map[string]kubelet.Sizes
	requests  []launch.Request
	launched  instance.Instance
	launchErr error
	instance  instance.Instance
	getErr    error
	endErr    error
	cluster   cluster.Cluster
	token     join.Token
	tokenErr  error
	signed    bool
	asked     int // for a token
	published []events.Event
}

func newParts(tb testing.TB) *parts {
	tb.Helper()
	return &parts{
		types: []*karpenter.InstanceType{typeOf("t3.small", 2, offer(zoneA, onDemand, 0.02), offer(zoneC, onDemand, 0.02))},
		sizes: map[string]kubelet.Sizes{}, launched: launchedInstance(), signed: true,
		cluster: cluster.Cluster{
			Mode: cluster.Kubeadm, Name: "demo", UID: "uid-1", Endpoint: "api.example.com:6443", CA: certificate(tb),
			Version: cluster.Version{Major: 1, Minor: 36, Patch: 3}, CloudProvider: cluster.None,
		},
		token: join.Token{ID: "abcdef", Secret: "0123456789abcdef", Expires: now.Add(6 * 60 * 60 * 1e9)},
	}
}

// provider is one without an API server.
func (p *parts) provider() *CloudProvider {
	return New(Deps{
		Recorder: p, Clock: clocktesting.NewFakePassiveClock(now), Types: p, Launcher: p, Inventory: inventoryOf{p}, Clusters: clustersOf{p}, Tokens: p,
	}, Config{Region: "ap-northeast-2"})
}

// InstanceTypes returns a fresh slice, as its contract says.
func (p *parts) InstanceTypes(context.Context, *v1.EC2NodeClass) ([]*karpenter.InstanceType, error) {
	return slices.Clone(p.types), nil
}

func (p *parts) Sizes(_ context.Context, _ *v1.EC2NodeClass, name string) (kubelet.Sizes, error) {
	return p.sizes[name], nil
}

func (p *parts) Launch(_ context.Context, req launch.Request) (instance.Instance, error) {
	p.requests = append(p.requests, req)
	return p.launched, p.launchErr
}

func (p *parts) DryRun(_ context.Context, req launch.Request) error {
	p.requests = append(p.requests, req)
	return p.launchErr
}

func (p *parts) Current(context.Context) (join.Token, error) {
	p.asked++
	return p.token, p.tokenErr
}

func (p *parts) Signed(context.Context, string) (bool, error) { return p.signed, nil }

func (p *parts) Publish(all ...events.Event) { p.published = append(p.published, all...) }

type clustersOf struct{ *parts }

func (c clustersOf) Get(context.Context) (cluster.Cluster, error) { return c.cluster, nil }

type inventoryOf struct{ *parts }

func (i inventoryOf) Get(context.Context, instance.ID) (instance.Instance, error) {
	return i.instance, i.getErr
}
func (i inventoryOf) List(context.Context) ([]instance.Instance, error) {
	return []instance.Instance{i.instance}, i.getErr
}
func (i inventoryOf) Terminate(context.Context, instance.ID) error { return i.endErr }
func (i inventoryOf) Reboot(context.Context, instance.ID) error    { return i.endErr }

// ubuntu is a class whose status is complete.
func ubuntu(name string) *v1.EC2NodeClass {
	class := &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1}}
	class.Spec = v1.EC2NodeClassSpec{
		AMIFamily: lo.ToPtr(v1.AMIFamilyUbuntu), InstanceProfile: lo.ToPtr("profile"), Tags: map[string]string{"Environment": "dev"},
		SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{ID: "subnet-1"}},
		SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{ID: "sg-1"}},
	}
	class.Status.AMIs = []v1.AMI{image("ami-arm", "arm64"), image("ami-1", "amd64")}
	class.Status.Subnets = []v1.Subnet{{ID: "subnet-1", Zone: zoneA, ZoneID: "apne2-az1"}, {ID: "subnet-2", Zone: zoneC}}
	class.Status.SecurityGroups = []v1.SecurityGroup{{ID: "sg-1"}}
	class.Status.InstanceProfile = "profile"
	return class
}

// ready sets all conditions of class to the present generation.
func ready(class *v1.EC2NodeClass) {
	for _, condition := range class.StatusConditions().List() {
		if condition.Type != status.ConditionReady {
			class.StatusConditions().SetTrue(condition.Type)
		}
	}
}

// certificate is a CA's, in PEM.
func certificate(tb testing.TB) []byte {
	tb.Helper()
	g := NewWithT(tb)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, NotBefore: now, NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	g.Expect(err).NotTo(HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
