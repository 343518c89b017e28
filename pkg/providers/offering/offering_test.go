package offering_test

import (
	"context"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering"
)

// fixedTypes are types that are in every given zone, all available. It counts what it is asked.
type fixedTypes struct {
	names, zones []string
	version      uint64
	resolved     int
	err          error
}

func (f *fixedTypes) Version() uint64 { return f.version }

func (f *fixedTypes) Resolve(_ *v1.EC2NodeClass, c cluster.Cluster) ([]*karpenter.InstanceType, []kubelet.Sizes, error) {
	f.resolved++
	if f.err != nil {
		return nil, nil, f.err
	}
	var all []*karpenter.InstanceType
	var sizes []kubelet.Sizes
	for _, name := range f.names {
		t := &karpenter.InstanceType{
			Name:     name,
			Capacity: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
			Overhead: &karpenter.InstanceTypeOverhead{},
		}
		for _, zone := range f.zones {
			for _, capacityType := range []string{karpv1.CapacityTypeOnDemand, karpv1.CapacityTypeSpot} {
				t.Offerings = append(t.Offerings, &karpenter.Offering{Available: true, Requirements: scheduling.NewLabelRequirements(map[string]string{
					corev1.LabelTopologyZone: zone, karpv1.CapacityTypeLabelKey: capacityType,
				})})
			}
		}
		all = append(all, t)
		sizes = append(sizes, kubelet.Sizes{MaxPods: int64(len(c.Kubelet))}) // so that a test can tell which it got
	}
	return all, sizes, nil
}

// fixedCluster is a cluster that was read before.
type fixedCluster struct {
	cluster.Cluster
	err error
}

func (f *fixedCluster) Get(context.Context) (cluster.Cluster, error) { return f.Cluster, f.err }

const (
	zoneA = "us-east-1a"
	zoneB = "us-east-1b"
)

// world is a provider with inputs that a test can move.
type world struct {
	*offering.Provider
	types   *fixedTypes
	cluster *fixedCluster
	clock   *clocktesting.FakeClock
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{
		types:   &fixedTypes{names: []string{"m5.large", "t3.medium"}, zones: []string{zoneA, zoneB}, version: 1},
		cluster: &fixedCluster{Cluster: cluster.Cluster{Mode: cluster.Kubeadm, Kubelet: []byte("maxPods: 50")}},
		clock:   clocktesting.NewFakeClock(time.Unix(1_000_000, 0)),
	}
	provider, err := offering.New(offering.Config{Region: "us-east-1"}, offering.Sources{
		Types: w.types, Clusters: w.cluster, Clock: w.clock,
	})
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	w.Provider = provider
	return w
}

// ask returns the instance types of class, by name.
func (w *world) ask(tb testing.TB, class *v1.EC2NodeClass) map[string]*karpenter.InstanceType {
	tb.Helper()
	all, err := w.InstanceTypes(tb.Context(), class)
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	byName := map[string]*karpenter.InstanceType{}
	for _, it := range all {
		byName[it.Name] = it
	}
	return byName
}

// available returns the pools of class that can be launched, as text, sorted.
func (w *world) available(tb testing.TB, class *v1.EC2NodeClass) []string {
	tb.Helper()
	all := []string{}
	for _, it := range w.ask(tb, class) {
		for _, o := range it.Offerings.Available() {
			all = append(all, pool.Pool{InstanceType: it.Name, Zone: o.Zone(), CapacityType: o.CapacityType()}.String())
		}
	}
	slices.Sort(all)
	return all
}

// newClass is as the API server hands it out, with two subnets in zone a and one in b.
func newClass(change ...func(*v1.EC2NodeClass)) *v1.EC2NodeClass {
	class := &v1.EC2NodeClass{}
	class.Name, class.UID, class.ResourceVersion, class.Generation = "default", types.UID("uid-1"), "10", 1
	class.Status.Subnets = []v1.Subnet{{ID: "subnet-a1", Zone: zoneA}, {ID: "subnet-a2", Zone: zoneA}, {ID: "subnet-b1", Zone: zoneB}}
	for _, edit := range change {
		edit(class)
	}
	return class
}

func od(name, zone string) pool.Pool {
	return pool.Pool{InstanceType: name, Zone: zone, CapacityType: karpv1.CapacityTypeOnDemand}
}
