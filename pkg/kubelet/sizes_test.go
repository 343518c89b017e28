package kubelet_test

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// defaults are what a kubelet on Linux evicts by when nobody says otherwise.
func defaults() map[string]string {
	return map[string]string{
		"memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%",
		"imagefs.available": "15%", "imagefs.inodesFree": "5%",
	}
}

func with(base map[string]string, signal, value string) map[string]string {
	base[signal] = value
	return base
}

func list(pairs ...string) corev1.ResourceList {
	all := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		all[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return all
}

// kubeadmCase is what kubelet-config and spec.kubelet come to on a machine.
type kubeadmCase struct {
	cluster, class string
	vcpus          int64
	want           kubelet.Sizes
}

func (tc kubeadmCase) check(t *testing.T) {
	g := NewWithT(t)
	cluster, err := kubelet.ParseDocument([]byte(tc.cluster))
	g.Expect(err).NotTo(HaveOccurred())
	class, err := kubelet.ParseFields(fields(t, tc.class))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kubelet.Kubeadm(class.Over(cluster), kubelet.Machine{VCPUs: tc.vcpus})).To(Equal(tc.want))
}

func TestKubeadm(t *testing.T) {
	for name, tc := range map[string]kubeadmCase{
		"stock kubeadm: 110 pods, nothing reserved, the kubelet's own evictions": {
			cluster: stock, class: `{}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: defaults()},
		},
		"no kubelet-config at all": {
			class: `{}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: defaults()},
		},
		"kubelet-config sets it": {
			cluster: "maxPods: 60\nkubeReserved: {cpu: 100m}\nsystemReserved: {memory: 1Gi}", class: `{}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 60, KubeReserved: list("cpu", "100m"), SystemReserved: list("memory", "1Gi"), EvictionHard: defaults()},
		},
		"the class wins over kubelet-config, by key": {
			cluster: "maxPods: 60\nkubeReserved: {cpu: 100m, memory: 1Gi}",
			class:   `{"maxPods":20,"kubeReserved":{"cpu":"200m"}}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 20, KubeReserved: list("cpu", "200m", "memory", "1Gi"), EvictionHard: defaults()},
		},
		"podsPerCore caps": {
			class: `{"podsPerCore":10}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 20, EvictionHard: defaults()},
		},
		"podsPerCore caps what the class sets, too": {
			class: `{"podsPerCore":10,"maxPods":15}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 15, EvictionHard: defaults()},
		},
		"podsPerCore does not raise": {
			class: `{"podsPerCore":100}`, vcpus: 64,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: defaults()},
		},
		"0 pods is no setting, as for the kubelet": {
			cluster: "maxPods: 0", class: `{"maxPods":0}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: defaults()},
		},
	} {
		t.Run(name, tc.check)
	}
}

func TestKubeadmEvictions(t *testing.T) {
	for name, tc := range map[string]kubeadmCase{
		"evictions of kubelet-config replace all defaults": {
			cluster: "evictionHard: {memory.available: 500Mi}", class: `{}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: map[string]string{"memory.available": "500Mi"}},
		},
		"unless it asks to merge them": {
			cluster: "mergeDefaultEvictionSettings: true\nevictionHard: {memory.available: 500Mi}", class: `{}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: with(defaults(), "memory.available", "500Mi")},
		},
		"the class can ask to merge them, too": {
			cluster: "evictionHard: {memory.available: 500Mi}", class: `{"mergeDefaultEvictionSettings":true}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: with(defaults(), "memory.available", "500Mi")},
		},
		"evictions of the class patch the defaults": {
			cluster: stock, class: `{"evictionHard":{"memory.available":"5%"}}`, vcpus: 2,
			want: kubelet.Sizes{MaxPods: 110, EvictionHard: with(defaults(), "memory.available", "5%")},
		},
	} {
		t.Run(name, tc.check)
	}
}

func TestKubeadmOnAddressesOfTheVPC(t *testing.T) {
	medium := kubelet.Network{Interfaces: 3, AddressesPerInterface: 6} // t3.medium
	big := kubelet.Network{Interfaces: 15, AddressesPerInterface: 50}  // m5.24xlarge
	prefixed := func(n kubelet.Network) kubelet.Network {
		n.Prefixes = true
		return n
	}
	for name, tc := range map[string]struct {
		cluster, class string
		vcpus          int64
		network        kubelet.Network
		pods           int64
	}{
		"as many pods as addresses":                     {class: `{}`, vcpus: 2, network: medium, pods: 17},
		"more than 110, where there are more":           {class: `{}`, vcpus: 96, network: big, pods: 737},
		"no address at all leaves none":                 {class: `{}`, vcpus: 2, network: kubelet.Network{Interfaces: 3, ReservedInterfaces: 3, AddressesPerInterface: 6}, pods: 0},
		"prefixes, up to what a small node runs":        {class: `{}`, vcpus: 2, network: prefixed(medium), pods: 110},
		"prefixes of a machine with one interface":      {class: `{}`, vcpus: 1, network: prefixed(kubelet.Network{Interfaces: 1, AddressesPerInterface: 4}), pods: 50},
		"prefixes, up to what 30 cores run":             {class: `{}`, vcpus: 30, network: prefixed(big), pods: 110},
		"prefixes, up to what a large node runs":        {class: `{}`, vcpus: 96, network: prefixed(big), pods: 250},
		"kubelet-config says how many":                  {cluster: "maxPods: 60", class: `{}`, vcpus: 2, network: medium, pods: 60},
		"the class says how many":                       {cluster: "maxPods: 60", class: `{"maxPods":8}`, vcpus: 2, network: medium, pods: 8},
		"podsPerCore caps what there are addresses for": {class: `{"podsPerCore":5}`, vcpus: 2, network: medium, pods: 10},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cluster, err := kubelet.ParseDocument([]byte(tc.cluster))
			g.Expect(err).NotTo(HaveOccurred())
			class, err := kubelet.ParseFields(fields(t, tc.class))
			g.Expect(err).NotTo(HaveOccurred())
			got := kubelet.Kubeadm(class.Over(cluster), kubelet.Machine{VCPUs: tc.vcpus, Network: tc.network})
			g.Expect(got.MaxPods).To(Equal(tc.pods))
			g.Expect(got.KubeReserved).To(BeNil(), "addresses reserve nothing")
		})
	}
}

// TestEKS holds to the numbers that the AWS provider plans with.
func TestEKS(t *testing.T) {
	medium := kubelet.Network{Interfaces: 3, AddressesPerInterface: 6} // t3.medium
	all := kubelet.Traits{PodsByInterfaces: true, MemoryByInterfaces: true, PodsPerCore: true}
	for name, tc := range map[string]struct {
		class          string
		vcpus          int64
		network        kubelet.Network
		traits         kubelet.Traits
		pods           int64
		cpu, memory    string
		memoryEviction string
	}{
		"as many pods as addresses":             {class: `{}`, vcpus: 2, network: medium, traits: all, pods: 17, cpu: "70m", memory: "442Mi", memoryEviction: "100Mi"},
		"reserved interfaces cost pods only":    {class: `{}`, vcpus: 2, network: kubelet.Network{Interfaces: 3, ReservedInterfaces: 1, AddressesPerInterface: 6}, traits: all, pods: 12, cpu: "70m", memory: "442Mi", memoryEviction: "100Mi"},
		"all interfaces reserved":               {class: `{}`, vcpus: 2, network: kubelet.Network{Interfaces: 3, ReservedInterfaces: 3, AddressesPerInterface: 6}, traits: all, pods: 0, cpu: "70m", memory: "442Mi", memoryEviction: "100Mi"},
		"the class sets pods, not their memory": {class: `{"maxPods":100}`, vcpus: 2, network: medium, traits: all, pods: 100, cpu: "70m", memory: "442Mi", memoryEviction: "100Mi"},
		"a family that counts real pods":        {class: `{"maxPods":100}`, vcpus: 2, network: medium, traits: kubelet.Traits{PodsByInterfaces: true}, pods: 100, cpu: "70m", memory: "1355Mi", memoryEviction: "100Mi"},
		"a family without address limits":       {class: `{}`, vcpus: 2, network: medium, pods: 110, cpu: "70m", memory: "1465Mi", memoryEviction: "100Mi"},
		"podsPerCore":                           {class: `{"podsPerCore":3}`, vcpus: 2, network: medium, traits: all, pods: 6, cpu: "70m", memory: "442Mi", memoryEviction: "100Mi"},
		"podsPerCore ignored by the family":     {class: `{"podsPerCore":3}`, vcpus: 2, network: medium, traits: kubelet.Traits{PodsByInterfaces: true}, pods: 17, cpu: "70m", memory: "442Mi", memoryEviction: "100Mi"},
		"one core":                              {class: `{}`, vcpus: 1, network: medium, traits: all, pods: 17, cpu: "60m", memory: "442Mi", memoryEviction: "100Mi"},
		"five cores cost half a milli less":     {class: `{}`, vcpus: 5, network: medium, traits: all, pods: 17, cpu: "82m", memory: "442Mi", memoryEviction: "100Mi"},
		"64 cores":                              {class: `{}`, vcpus: 64, network: medium, traits: all, pods: 17, cpu: "230m", memory: "442Mi", memoryEviction: "100Mi"},
		"the class's reservations win":          {class: `{"kubeReserved":{"cpu":"1","memory":"2Gi"},"evictionHard":{"memory.available":"1Gi"}}`, vcpus: 2, network: medium, traits: all, pods: 17, cpu: "1", memory: "2Gi", memoryEviction: "1Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			class, err := kubelet.ParseFields(fields(t, tc.class))
			g.Expect(err).NotTo(HaveOccurred())
			got := kubelet.EKS(class, kubelet.Machine{VCPUs: tc.vcpus, Network: tc.network}, tc.traits)
			g.Expect(got.MaxPods).To(Equal(tc.pods))
			g.Expect(got.KubeReserved.Cpu().Cmp(resource.MustParse(tc.cpu))).To(BeZero(), got.KubeReserved.Cpu().String())
			g.Expect(got.KubeReserved.Memory().Cmp(resource.MustParse(tc.memory))).To(BeZero(), got.KubeReserved.Memory().String())
			g.Expect(got.KubeReserved.StorageEphemeral().String()).To(Equal("1Gi"))
			g.Expect(got.EvictionHard).To(HaveKeyWithValue("memory.available", tc.memoryEviction))
			g.Expect(got.EvictionHard).To(HaveKeyWithValue("nodefs.available", "10%"))
		})
	}
}

// TestOverheadIsTheKubeletsOwn: the wanted bytes are what a kubelet 1.36 computes from the
// same capacity. Its percentages are 32-bit floats (10% is 13421773/2^27, so of 40Gi it is
// 13421773*320 bytes), which is not a tenth to the byte.
func TestOverheadIsTheKubeletsOwn(t *testing.T) {
	const storage = 42949672960 // 40Gi
	for name, tc := range map[string]struct {
		evictionHard    map[string]string
		memory, storage int64
	}{
		"the defaults":                  {evictionHard: defaults(), memory: 100 << 20, storage: 4294967360},
		"a percentage of memory":        {evictionHard: map[string]string{"memory.available": "5%"}, memory: 214748368},
		"a fraction of a percent":       {evictionHard: map[string]string{"nodefs.available": "0.5%"}, storage: 214748360},
		"0% turns a signal off":         {evictionHard: map[string]string{"memory.available": "0%"}},
		"100% turns a signal off":       {evictionHard: map[string]string{"memory.available": "100%"}},
		"no thresholds":                 {},
		"signals that no resource pays": {evictionHard: map[string]string{"imagefs.available": "15%", "pid.available": "10%"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := kubelet.Sizes{EvictionHard: tc.evictionHard}.Overhead(corev1.ResourceList{
				corev1.ResourceMemory:           *resource.NewQuantity(4<<30, resource.BinarySI),
				corev1.ResourceEphemeralStorage: *resource.NewQuantity(storage, resource.BinarySI),
			})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.EvictionThreshold.Memory().Value()).To(Equal(tc.memory))
			g.Expect(got.EvictionThreshold.StorageEphemeral().Value()).To(Equal(tc.storage))
		})
	}
}

func TestOverheadKeepsReasonsApart(t *testing.T) {
	g := NewWithT(t)
	sizes := kubelet.Sizes{KubeReserved: list("cpu", "100m"), SystemReserved: list("memory", "1Gi")}

	got, err := sizes.Overhead(list("cpu", "2", "memory", "4Gi"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(kubelet.Overhead{
		KubeReserved: list("cpu", "100m"), SystemReserved: list("memory", "1Gi"), EvictionThreshold: corev1.ResourceList{},
	}))

	_, err = kubelet.Sizes{EvictionHard: map[string]string{"memory.available": "lots"}}.Overhead(list("memory", "4Gi"))
	g.Expect(err).To(MatchError(ContainSubstring(`evictionHard[memory.available] is "lots"`)))
}
