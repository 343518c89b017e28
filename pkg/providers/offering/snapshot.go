package offering

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

// inputs are all that a snapshot depends on.
type inputs struct {
	class   *v1.EC2NodeClass
	cluster cluster.Cluster
	types   uint64 // version
	prices  *prices
	refused *view
}

// snapshot is the answer for one class and one state of the inputs. It is immutable.
type snapshot struct {
	// resourceVersion that class had when it was last found to agree with base; what makes
	// the common case one comparison of strings.
	resourceVersion string
	base            *base
	prices          *prices
	refused         *view
	types           []*karpenter.InstanceType
}

// base is the costlier part, which prices and refusals do not touch.
type base struct {
	class   *v1.EC2NodeClass // a copy
	cluster cluster.Cluster
	version uint64                    // of types
	types   []*karpenter.InstanceType // by name
	sizes   []kubelet.Sizes           // of each type
	// pools of each type's offerings, in their order.
	pools [][]pool.Pool
	// subnets of the class, by zone.
	subnets map[string][]string
}

// serves reports whether s is the answer to in, without looking into the class unless its
// resource version is new.
func (s *snapshot) serves(in inputs) bool {
	return s != nil &&
		s.prices == in.prices && s.refused.generation == in.refused.generation &&
		s.resourceVersion == in.class.ResourceVersion && in.class.ResourceVersion != "" &&
		s.base.agrees(in)
}

// agrees reports whether b stands apart from the class.
func (b *base) agrees(in inputs) bool {
	return b.version == in.types &&
		b.cluster.Mode == in.cluster.Mode && b.cluster.Pods == in.cluster.Pods && bytes.Equal(b.cluster.Kubelet, in.cluster.Kubelet)
}

// holds reports whether b stands. Of the class's status, subnets and images count, and
// not the conditions, which change often.
func (b *base) holds(in inputs) bool {
	return b.agrees(in) &&
		slices.Equal(b.class.Status.Subnets, in.class.Status.Subnets) &&
		equality.Semantic.DeepEqual(b.class.Status.AMIs, in.class.Status.AMIs) &&
		equality.Semantic.DeepEqual(b.class.Spec, in.class.Spec)
}

func newBase(resolved []*karpenter.InstanceType, sizes []kubelet.Sizes, in inputs) *base {
	b := &base{
		class: in.class.DeepCopy(), cluster: in.cluster, version: in.types,
		types: resolved, sizes: sizes, pools: make([][]pool.Pool, len(resolved)),
		subnets: map[string][]string{},
	}
	for _, zone := range in.class.ZoneInfo() {
		b.subnets[zone.Zone] = zone.SubnetIDs
	}
	for i, t := range resolved {
		b.pools[i] = make([]pool.Pool, len(t.Offerings))
		for j, o := range t.Offerings {
			b.pools[i][j] = pool.Pool{InstanceType: t.Name, Zone: o.Zone(), CapacityType: o.CapacityType()}
		}
	}
	return b
}

func (b *base) sizesOf(name string) (kubelet.Sizes, error) {
	i, ok := slices.BinarySearchFunc(b.types, name, func(t *karpenter.InstanceType, name string) int { return strings.Compare(t.Name, name) })
	if !ok {
		return kubelet.Sizes{}, fmt.Errorf("instance type %q is none of those that EC2 listed", name)
	}
	return b.sizes[i], nil
}

// build adds prices and refusals to b. Types whose offerings came out as in before, a
// snapshot of the same base, are taken over from there, so that a refusal renews the types it
// is about and no others, and what core has computed for them is kept.
func build(b *base, in inputs, before *snapshot) *snapshot {
	s := &snapshot{
		resourceVersion: in.class.ResourceVersion, base: b, prices: in.prices, refused: in.refused,
		types: make([]*karpenter.InstanceType, len(b.types)),
	}
	for i, t := range b.types {
		if before != nil && b.same(i, before.types[i].Offerings, in) {
			s.types[i] = before.types[i]
			continue
		}
		s.types[i] = &karpenter.InstanceType{
			Name:                   t.Name,
			Requirements:           t.Requirements,
			Offerings:              b.offerings(i, in),
			Capacity:               t.Capacity,
			VolumeAttachmentLimits: t.VolumeAttachmentLimits,
			DynamicResources:       t.DynamicResources,
			Overhead:               t.Overhead,
		}
	}
	return s
}

// offer returns price and availability of offering j of type i.
func (b *base) offer(i, j int, in inputs) (price float64, available bool) {
	of := b.pools[i][j]
	price, known := in.prices.of(of)
	return price, known && b.types[i].Offerings[j].Available && !in.refused.holds(of, b.subnets[of.Zone])
}

func (b *base) same(i int, offerings karpenter.Offerings, in inputs) bool {
	for j, o := range offerings {
		if price, available := b.offer(i, j, in); o.Price != price || o.Available != available {
			return false
		}
	}
	return true
}

// offerings of one type lie in one piece of memory, since there are ten thousand in all.
func (b *base) offerings(i int, in inputs) karpenter.Offerings {
	resolved := b.types[i].Offerings
	values := make([]karpenter.Offering, len(resolved))
	all := make(karpenter.Offerings, len(resolved))
	for j, o := range resolved {
		values[j].Requirements = o.Requirements
		values[j].Price, values[j].Available = b.offer(i, j, in)
		all[j] = &values[j]
	}
	return all
}
