package nodeclass_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/awslabs/operatorpkg/status"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"
	"sigs.k8s.io/yaml"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/nodeclass"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/ami"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/network"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// valid is a class that the seed of awsfake makes ready.
const valid = `
amiFamily: Ubuntu
instanceProfile: karpenter-node-profile
subnetSelectorTerms: [{tags: {karpenter.sh/discovery: "true"}}]
securityGroupSelectorTerms: [{tags: {karpenter.sh/discovery: "true"}}]
`

// TestNodeClass runs everything on one API server: starting it is most of the time.
func TestNodeClass(t *testing.T) {
	api := newAPI(t)
	t.Run("resolve", func(t *testing.T) { testResolve(t, api) })
	t.Run("trouble", func(t *testing.T) { testTrouble(t, api) })
	t.Run("profile", func(t *testing.T) { testProfile(t, api) })
	t.Run("validate", func(t *testing.T) { testValidate(t, api) })
	t.Run("review", func(t *testing.T) { testReview(t, api) })
	t.Run("dry run", func(t *testing.T) { testDryRun(t, api) })
	t.Run("finalize", func(t *testing.T) { testFinalize(t, api) })
	t.Run("hash", func(t *testing.T) { testHash(t, api) })
	t.Run("registered", func(t *testing.T) { testRegistered(t, api) })
}

// api is an API server with a client that reads what it writes, and one like the
// controllers', whose lists come from a cache with core's index.
type api struct {
	config *rest.Config
	scheme *runtime.Scheme
	live   client.Client
	cached client.Client
}

func newAPI(t *testing.T) *api {
	t.Helper()
	g := NewWithT(t)
	a := &api{config: apiserver.Start(t), scheme: scheme.Scheme} // where core has put its types
	g.Expect(v1.AddToScheme(a.scheme)).To(Succeed())
	var err error
	a.live, err = client.New(a.config, client.Options{Scheme: a.scheme})
	g.Expect(err).NotTo(HaveOccurred())

	informers, err := cache.New(a.config, cache.Options{Scheme: a.scheme})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(informers.IndexField(t.Context(), &karpv1.NodeClaim{}, "spec.nodeClassRef.name", classNameOf)).To(Succeed())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- informers.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		g.Expect(<-done).To(Succeed())
	})
	g.Expect(informers.WaitForCacheSync(ctx)).To(BeTrue())
	a.cached, err = client.New(a.config, client.Options{Scheme: a.scheme, Cache: &client.CacheOptions{Reader: informers}})
	g.Expect(err).NotTo(HaveOccurred())
	return a
}

func classNameOf(o client.Object) []string {
	return []string{o.(*karpv1.NodeClaim).Spec.NodeClassRef.Name}
}

// world is one AWS account and one controller.
type world struct {
	*api
	t          *testing.T
	aws        *awsfake.Server
	clock      *clocktesting.FakeClock
	clusters   *clusters
	dryRun     *dryRunner
	templates  *templates
	events     *recorder
	controller *nodeclass.Controller
}

// newWorld starts a world; each change edits what the controller works with.
func newWorld(t *testing.T, a *api, changes ...func(*nodeclass.Deps, *nodeclass.Config)) *world {
	t.Helper()
	w := &world{
		api: a, t: t, aws: awsfake.Start(t),
		clock:    clocktesting.NewFakeClock(time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)),
		clusters: &clusters{Cluster: kubeadm(t)}, dryRun: &dryRunner{}, templates: &templates{}, events: &recorder{},
	}
	deps, config := w.deps(), nodeclass.Config{ClusterName: "prod", Region: w.aws.Region()}
	for _, change := range changes {
		change(&deps, &config)
	}
	w.controller = nodeclass.New(deps, config)
	return w
}

func (w *world) deps() nodeclass.Deps {
	api := ec2.NewFromConfig(w.aws.Config())
	return nodeclass.Deps{
		Kube: w.cached, Recorder: w.events, Clock: w.clock,
		Images:   ami.New(ami.Sources{Images: api, Parameters: ssm.NewFromConfig(w.aws.Config()), Clusters: w.clusters}, w.clock, 0),
		Network:  network.New(api, w.clock, network.Refresh{}),
		Profiles: identity.New(iam.NewFromConfig(w.aws.Config()), w.clock),
		Clusters: w.clusters, Templates: w.templates, DryRun: w.dryRun,
	}
}

// create makes a class with the fields of overlay over those of valid.
func (w *world) create(overlay string) *v1.EC2NodeClass {
	w.t.Helper()
	g := NewWithT(w.t)
	fields := map[string]any{}
	g.Expect(yaml.Unmarshal([]byte(valid), &fields)).To(Succeed())
	g.Expect(yaml.Unmarshal([]byte(overlay), &fields)).To(Succeed()) // replaces top-level fields
	class := &v1.EC2NodeClass{}
	class.GenerateName = "case-"
	g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(fields, &class.Spec, true)).To(Succeed())
	g.Expect(w.live.Create(w.t.Context(), class)).To(Succeed())
	w.t.Cleanup(func() { w.remove(class) })
	return class
}

// remove lets class go, whatever holds it.
func (w *world) remove(class *v1.EC2NodeClass) {
	ctx := context.WithoutCancel(w.t.Context())
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	err := errors.Join(client.IgnoreNotFound(w.live.Patch(ctx, class, patch)), client.IgnoreNotFound(w.live.Delete(ctx, class)))
	NewWithT(w.t).Expect(err).NotTo(HaveOccurred())
}

// reconcile reconciles class as it is in the API server, and brings it up to date.
func (w *world) reconcile(class *v1.EC2NodeClass) (reconcile.Result, error) {
	w.t.Helper()
	g := NewWithT(w.t)
	g.Expect(w.live.Get(w.t.Context(), client.ObjectKeyFromObject(class), class)).To(Succeed())
	result, err := w.controller.Reconcile(w.t.Context(), class.DeepCopy())
	g.Expect(client.IgnoreNotFound(w.live.Get(w.t.Context(), client.ObjectKeyFromObject(class), class))).To(Succeed())
	return result, err
}

// settle reconciles class, which must succeed, and returns when it is looked at again.
func (w *world) settle(class *v1.EC2NodeClass) time.Duration {
	w.t.Helper()
	result, err := w.reconcile(class)
	NewWithT(w.t).Expect(err).NotTo(HaveOccurred())
	return result.RequeueAfter
}

func (w *world) update(class *v1.EC2NodeClass, change func(*v1.EC2NodeClass)) {
	w.t.Helper()
	g := NewWithT(w.t)
	g.Expect(w.live.Get(w.t.Context(), client.ObjectKeyFromObject(class), class)).To(Succeed())
	change(class)
	g.Expect(w.live.Update(w.t.Context(), class)).To(Succeed())
}

func condition(class *v1.EC2NodeClass, name string) *status.Condition {
	return class.StatusConditions().Get(name)
}

func ready(class *v1.EC2NodeClass) bool { return class.StatusConditions().Root().IsTrue() }

// clusters is a cluster that can be read, or not.
type clusters struct {
	cluster.Cluster
	err error
}

func (c *clusters) Get(context.Context) (cluster.Cluster, error) { return c.Cluster, c.err }

func kubeadm(t *testing.T) cluster.Cluster {
	t.Helper()
	return cluster.Cluster{
		Mode: cluster.Kubeadm, Name: "prod", UID: "uid", Endpoint: "127.0.0.1:6443", CA: newCA(t),
		Version: cluster.Version{Major: 1, Minor: 36, Patch: 3}, DNS: netip.MustParseAddr("10.96.0.10"),
		ServiceCIDR: "10.96.0.0/12", CloudProvider: cluster.None, AnonymousDiscovery: true,
	}
}

func newCA(t *testing.T) []byte {
	t.Helper()
	g := NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// dryRunner answers err and counts how often it was asked.
type dryRunner struct {
	err   error
	asked int
}

func (d *dryRunner) DryRun(context.Context, *v1.EC2NodeClass) error {
	d.asked++
	return d.err
}

// templates remembers of which classes it was told to delete what there is.
type templates struct {
	err     error
	deleted []string
}

func (s *templates) DeleteAll(_ context.Context, class *v1.EC2NodeClass) error {
	if s.err == nil {
		s.deleted = append(s.deleted, class.Name)
	}
	return s.err
}

// recorder keeps events.
type recorder struct{ published []events.Event }

func (r *recorder) Publish(published ...events.Event) {
	r.published = append(r.published, published...)
}
