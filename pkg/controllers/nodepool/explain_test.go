package nodepool

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"
)

const (
	zoneKey = corev1.LabelTopologyZone
	archKey = corev1.LabelArchStable
	typeKey = corev1.LabelInstanceTypeStable
	sizeKey = "example.com/cpu"
	gpuKey  = "example.com/gpu"
)

// instanceType has an offering on demand in each zone.
func instanceType(name, arch, cpus string, available bool, zones ...string) *karpenter.InstanceType {
	in := func(key string, values ...string) *scheduling.Requirement {
		return scheduling.NewRequirement(key, corev1.NodeSelectorOpIn, values...)
	}
	return &karpenter.InstanceType{
		Name: name,
		Requirements: scheduling.NewRequirements(
			in(typeKey, name), in(archKey, arch), in(sizeKey, cpus), in(zoneKey, zones...), in(karpv1.CapacityTypeLabelKey, karpv1.CapacityTypeOnDemand),
			scheduling.NewRequirement(gpuKey, corev1.NodeSelectorOpDoesNotExist),
		),
		Offerings: lo.Map(zones, func(zone string, _ int) *karpenter.Offering {
			return &karpenter.Offering{Available: available, Requirements: scheduling.NewRequirements(
				in(zoneKey, zone), in(karpv1.CapacityTypeLabelKey, karpv1.CapacityTypeOnDemand),
			)}
		}),
	}
}

func nodePool(labels map[string]string, requirements ...karpv1.NodeSelectorRequirementWithMinValues) *karpv1.NodePool {
	pool := &karpv1.NodePool{}
	pool.Spec.Template.Labels = labels
	pool.Spec.Template.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}
	pool.Spec.Template.Spec.Requirements = requirements
	return pool
}

func require(key string, operator corev1.NodeSelectorOperator, values ...string) karpv1.NodeSelectorRequirementWithMinValues {
	return karpv1.NodeSelectorRequirementWithMinValues{Key: key, Operator: operator, Values: values}
}

func atLeast(n int, r karpv1.NodeSelectorRequirementWithMinValues) karpv1.NodeSelectorRequirementWithMinValues {
	r.MinValues = &n
	return r
}

func TestExplain(t *testing.T) {
	const in, gt, exists = corev1.NodeSelectorOpIn, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpExists
	types := []*karpenter.InstanceType{
		instanceType("c6i.large", "amd64", "2", true, "eu-west-1a", "eu-west-1b"),
		instanceType("m6i.large", "amd64", "2", true, "eu-west-1a"),
		instanceType("c7g.xlarge", "arm64", "4", true, "eu-west-1b"),
		instanceType("t3.large", "amd64", "2", false, "eu-west-1a"),
	}
	for name, tc := range map[string]struct {
		pool  *karpv1.NodePool
		none  bool // class without types
		relax bool
		want  fault
	}{
		"nothing is asked":                 {pool: nodePool(nil)},
		"all is met":                       {pool: nodePool(map[string]string{"team": "a"}, require(zoneKey, in, "eu-west-1a"), require(archKey, in, "amd64", "arm64"))},
		"a label of the user's own is met": {pool: nodePool(nil, require("example.com/own", in, "x"), require("example.com/other", exists))},
		"a zone that is not there": {
			pool: nodePool(nil, require(archKey, in, "amd64"), require(zoneKey, in, "eu-nowhere-1a")),
			want: fault{"RequirementsNotMet", "spec.template.spec.requirements: topology.kubernetes.io/zone In [eu-nowhere-1a] is met by no instance type of EC2NodeClass default; topology.kubernetes.io/zone is [eu-west-1a, eu-west-1b]"},
		},
		"a type that is not there, likeliest first": {
			pool: nodePool(nil, require(typeKey, in, "c7g.large")),
			want: fault{"RequirementsNotMet", "spec.template.spec.requirements: node.kubernetes.io/instance-type In [c7g.large] is met by no instance type of EC2NodeClass default; node.kubernetes.io/instance-type is [c7g.xlarge, c6i.large, m6i.large, t3.large]"},
		},
		"a size that is not there": {
			pool: nodePool(nil, require(sizeKey, gt, "64")),
			want: fault{"RequirementsNotMet", "spec.template.spec.requirements: example.com/cpu Gt [64] is met by no instance type of EC2NodeClass default; example.com/cpu is [2, 4]"},
		},
		"a label that none has": {
			pool: nodePool(nil, require(gpuKey, exists)),
			want: fault{"RequirementsNotMet", "spec.template.spec.requirements: example.com/gpu Exists is met by no instance type of EC2NodeClass default; none of them has this label"},
		},
		"a label of the template": {
			pool: nodePool(map[string]string{archKey: "riscv64"}),
			want: fault{"RequirementsNotMet", "spec.template.metadata.labels: kubernetes.io/arch: riscv64 is met by no instance type of EC2NodeClass default; kubernetes.io/arch is [amd64, arm64]"},
		},
		"two that are not there are both named": {
			pool: nodePool(nil, require(archKey, in, "riscv64"), require(gpuKey, exists)),
			want: fault{"RequirementsNotMet", "spec.template.spec.requirements: kubernetes.io/arch In [riscv64] is met by no instance type of EC2NodeClass default; kubernetes.io/arch is [amd64, arm64]. " +
				"spec.template.spec.requirements: example.com/gpu Exists is met by no instance type of EC2NodeClass default; none of them has this label"},
		},
		"two that do not go together, of three": {
			pool: nodePool(nil, require(archKey, in, "arm64"), require(karpv1.CapacityTypeLabelKey, in, "on-demand"), require(zoneKey, in, "eu-west-1a")),
			want: fault{"RequirementsNotMet", "spec.template.spec.requirements: kubernetes.io/arch In [arm64] and spec.template.spec.requirements: topology.kubernetes.io/zone In [eu-west-1a]: " +
				"each is met by instance types of EC2NodeClass default, but no type meets all; of those that meet the others for the last, topology.kubernetes.io/zone is [eu-west-1b]"},
		},
		"two of one key that exclude each other": {
			pool: nodePool(map[string]string{archKey: "arm64"}, require(archKey, in, "amd64")),
			want: fault{"RequirementsNotMet", "spec.template.spec.requirements: kubernetes.io/arch In [amd64] and spec.template.metadata.labels: kubernetes.io/arch: arm64: " +
				"each is met by instance types of EC2NodeClass default, but no type meets all; of those that meet the others for the last, kubernetes.io/arch is [amd64]"},
		},
		"what EC2 has no room for": {
			pool: nodePool(nil, require(typeKey, in, "t3.large")),
			want: fault{"NoOfferingAvailable", "1 instance types of EC2NodeClass default meet the requirements, but EC2 had no capacity for any of them lately; they are asked for again within minutes. Allow more types, zones or capacity types to depend on it less"},
		},
		"fewer values than minValues": {
			pool: nodePool(nil, require(archKey, in, "amd64"), atLeast(3, require(typeKey, exists))),
			want: fault{"MinValuesNotMet", "spec.template.spec.requirements: the 2 instance types of EC2NodeClass default that meet the requirements and are available now have too few values for minValues 3 of node.kubernetes.io/instance-type, of which there are 2; lower minValues or allow more"},
		},
		"as many values as minValues":       {pool: nodePool(nil, require(archKey, in, "amd64"), atLeast(2, require(typeKey, exists)))},
		"fewer where minValues are relaxed": {pool: nodePool(nil, atLeast(9, require(typeKey, exists))), relax: true},
		"a class whose zones have no types": {pool: nodePool(nil), none: true, want: fault{"NoInstanceTypes", "EC2 offers no instance type in the zones of EC2NodeClass default; see its status.subnets, and choose others with spec.subnetSelectorTerms"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(explain(tc.pool, lo.Ternary(tc.none, nil, types), tc.relax)).To(Equal(tc.want))
		})
	}
}

func TestRanked(t *testing.T) {
	g := NewWithT(t)
	many := []string{"1", "10", "12", "128", "16", "2", "4", "8", "96"}
	g.Expect(ranked(many, []string{"64"})).To(Equal("from 1 to 128"))
	g.Expect(ranked([]string{"a", "b", "c", "d", "e", "f", "g", "h", "xy", "xyz"}, []string{"xyz.large"})).
		To(Equal("[xyz, xy, a, b, c, d, e, f and 2 others]"))
	g.Expect(ranked([]string{"b", "a"}, nil)).To(Equal("[b, a]"))
}
