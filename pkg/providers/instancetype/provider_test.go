package instancetype_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

func start(t *testing.T, region string) (*awsfake.Server, *instancetype.Provider) {
	t.Helper()
	account := awsfake.Start(t, func(o *awsfake.Options) { o.Region = region })
	config := account.Config()
	config.RetryMaxAttempts = 1
	return account, instancetype.New(ec2.NewFromConfig(config), instancetype.Config{Region: region, MemoryOverheadPercent: 0.075})
}

// ubuntu reaches the named zones.
func ubuntu(zones ...string) *v1.EC2NodeClass {
	class := &v1.EC2NodeClass{}
	class.Spec.AMIFamily = aws.String(v1.AMIFamilyUbuntu)
	for _, zone := range zones {
		class.Status.Subnets = append(class.Status.Subnets, v1.Subnet{ID: "subnet-" + zone, Zone: zone, ZoneID: "id-of-" + zone})
	}
	return class
}

func resolve(t *testing.T, p *instancetype.Provider, class *v1.EC2NodeClass) map[string]*karpenter.InstanceType {
	t.Helper()
	types, _, err := p.Resolve(class, cluster.Cluster{Mode: cluster.Kubeadm})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return lo.KeyBy(types, func(it *karpenter.InstanceType) string { return it.Name })
}

// TestFactsOfRealTypes goes from EC2's answer on the wire to what Karpenter plans with.
func TestFactsOfRealTypes(t *testing.T) {
	_, provider := start(t, "us-east-1")
	NewWithT(t).Expect(provider.Update(t.Context())).To(Succeed())
	types := resolve(t, provider, ubuntu("us-east-1a", "us-east-1b"))
	for name, want := range map[string]map[string]string{
		"t3.medium": {
			corev1.LabelArchStable: "amd64", v1.LabelInstanceCPU: "2", v1.LabelInstanceMemory: "4096", v1.LabelInstanceHypervisor: "nitro",
			v1.LabelInstanceCategory: "t", v1.LabelInstanceGeneration: "3", v1.LabelInstanceFamily: "t3", v1.LabelInstanceSize: "medium",
			v1.LabelInstanceCPUManufacturer: "intel", v1.LabelInstanceCPUSustainedClockSpeedMhz: "3100",
			v1.LabelInstanceNetworkBandwidth: "256", v1.LabelInstanceEBSBandwidth: "2085", v1.LabelInstanceGPUCount: "", v1.LabelInstanceLocalNVME: "",
		},
		"t3.large":  {v1.LabelInstanceCPU: "2", v1.LabelInstanceMemory: "8192"},
		"t3.xlarge": {v1.LabelInstanceCPU: "4", v1.LabelInstanceMemory: "16384"},
		"m6g.large": {corev1.LabelArchStable: "arm64", v1.LabelInstanceCPUManufacturer: "aws", v1.LabelInstanceCPUSustainedClockSpeedMhz: ""},
		"g5.xlarge": {
			v1.LabelInstanceGPUName: "a10g", v1.LabelInstanceGPUManufacturer: "nvidia", v1.LabelInstanceGPUCount: "1", v1.LabelInstanceGPUMemory: "22888",
			v1.LabelInstanceLocalNVME: "250",
		},
		"m5.metal":     {v1.LabelInstanceSize: "metal", v1.LabelInstanceCPU: "96", v1.LabelInstanceHypervisor: ""},
		"p4d.24xlarge": {v1.LabelInstanceNetworkBandwidth: "400000", v1.LabelInstanceGPUCount: "8", v1.LabelInstanceLocalNVME: "8000"},
		"inf2.xlarge":  {v1.LabelInstanceAcceleratorName: "inferentia2", v1.LabelInstanceAcceleratorManufacturer: "aws", v1.LabelInstanceAcceleratorCount: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(types).To(HaveKey(name))
			for label, value := range want {
				requirement := types[name].Requirements.Get(label)
				if value == "" && label != v1.LabelInstanceHypervisor {
					g.Expect(requirement.Operator()).To(Equal(corev1.NodeSelectorOpDoesNotExist), label)
					continue
				}
				g.Expect(requirement.Values()).To(ConsistOf(value), label)
			}
		})
	}
}

func TestCapacityOfRealTypes(t *testing.T) {
	_, provider := start(t, "us-east-1")
	NewWithT(t).Expect(provider.Update(t.Context())).To(Succeed())
	types := resolve(t, provider, ubuntu("us-east-1a"))
	for name, want := range map[string]struct {
		cpu     string
		memory  string // what a stock kubeadm kubelet offers to pods of it
		gpus    string
		volumes int
	}{
		"t3.medium":    {cpu: "2", memory: "3688Mi", gpus: "0", volumes: 26}, // 4096 - 7.5 % - 100
		"t3.xlarge":    {cpu: "4", memory: "15055Mi", gpus: "0", volumes: 26},
		"m6g.large":    {cpu: "2", memory: "7418Mi", gpus: "0", volumes: 26}, // 64 less, of Graviton
		"g5.xlarge":    {cpu: "4", memory: "15055Mi", gpus: "1", volumes: 24},
		"p4d.24xlarge": {cpu: "96", memory: "1091074Mi", gpus: "8", volumes: 10},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			allocatable := types[name].Allocatable()
			gpus := allocatable[v1.ResourceNVIDIAGPU]
			g.Expect(allocatable.Cpu().String()).To(Equal(want.cpu))
			g.Expect(allocatable.Memory().String()).To(Equal(want.memory))
			g.Expect(gpus.String()).To(Equal(want.gpus))
			g.Expect(types[name].VolumeAttachmentLimits).To(HaveKeyWithValue("ebs.csi.aws.com", want.volumes))
		})
	}
}

func TestOfferingsAreWhereEC2HasTheType(t *testing.T) {
	g := NewWithT(t)
	_, provider := start(t, "us-east-1")
	g.Expect(provider.Update(t.Context())).To(Succeed())
	types := resolve(t, provider, ubuntu("us-east-1a", "us-east-1c", "us-east-1z"))

	// us-east-1c has no t3, the class does not reach b, d, e and f.
	zones := map[string]bool{}
	for _, o := range types["t3.medium"].Offerings {
		zones[o.Zone()] = zones[o.Zone()] || o.Available
	}
	g.Expect(zones).To(Equal(map[string]bool{"us-east-1a": true, "us-east-1b": false, "us-east-1d": false, "us-east-1e": false, "us-east-1f": false}))
	g.Expect(types["t3.medium"].Requirements.Get(corev1.LabelTopologyZone).Values()).To(ConsistOf("us-east-1a"))
	g.Expect(types["t3.medium"].Requirements.Get(v1.LabelTopologyZoneID).Values()).To(ConsistOf("id-of-us-east-1a"))

	// What is nowhere in reach is listed all the same.
	g.Expect(types).To(HaveKey("p4d.24xlarge"))
	g.Expect(types["p4d.24xlarge"].Offerings).NotTo(BeEmpty())
}

func TestUpdateReadsEveryPageAndAsksForUsableTypes(t *testing.T) {
	g := NewWithT(t)
	account, provider := start(t, "us-east-1")
	g.Expect(provider.Version()).To(BeZero())
	g.Expect(provider.Update(t.Context())).To(Succeed())

	g.Expect(account.Calls("DescribeInstanceTypes")).To(Equal((len(provider.Facts()) + 99) / 100))
	g.Expect(account.Calls("DescribeInstanceTypeOfferings")).To(BeNumerically(">", 1))
	for _, fact := range provider.Facts() {
		g.Expect(fact.Architecture).To(BeElementOf("amd64", "arm64"), fact.Name)
	}
}

func TestVersionChangesWithTheAnswerOnly(t *testing.T) {
	g := NewWithT(t)
	_, provider := start(t, "ap-northeast-2")
	g.Expect(provider.Update(t.Context())).To(Succeed())
	before := provider.Version()
	g.Expect(before).NotTo(BeZero())
	g.Expect(provider.Update(t.Context())).To(Succeed())
	g.Expect(provider.Version()).To(Equal(before))
}

func TestAFailedUpdateChangesNothing(t *testing.T) {
	for _, action := range []string{"DescribeInstanceTypes", "DescribeInstanceTypeOfferings"} {
		t.Run(action, func(t *testing.T) {
			g := NewWithT(t)
			account, provider := start(t, "us-east-1")
			g.Expect(provider.Update(t.Context())).To(Succeed())
			version, count := provider.Version(), len(provider.Facts())

			account.Inject(wire.Fault{Action: action, Stage: wire.Before, Answer: wire.Errorf("RequestLimitExceeded", "Request limit exceeded.")})
			g.Expect(provider.Update(t.Context())).To(MatchError(ContainSubstring("RequestLimitExceeded")))
			g.Expect(provider.Version()).To(Equal(version))
			g.Expect(provider.Facts()).To(HaveLen(count))
		})
	}
}
