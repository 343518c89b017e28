package kubelet

// defaultMaxPods is the kubelet's own.
const defaultMaxPods = 110

// Machine is what Sizes depend on of an instance type.
type Machine struct {
	VCPUs int64
	// Network counts in EKS mode only.
	Network Network
}

// Kubeadm returns the sizes of a node that joins with kubeadm and runs with c: what the class
// sets over what the cluster's kubelet-config sets, and for the rest the kubelet's own
// defaults. Stock kubeadm sets neither pods nor reserved resources: 110 pods, nothing
// reserved. Maps are shared with c.
//
// Network interfaces do not count, since pods take addresses of an overlay, not of the VPC.
func Kubeadm(c Config, machine Machine) Sizes {
	pods := int64(c.MaxPods)
	if pods == 0 {
		pods = defaultMaxPods
	}
	return Sizes{
		MaxPods:        c.capPods(pods, machine),
		KubeReserved:   c.KubeReserved,
		SystemReserved: c.SystemReserved,
		EvictionHard:   c.evictionHard(),
	}
}

// capPods applies podsPerCore, which counts what the kubelet calls cores: vCPUs.
func (c Config) capPods(pods int64, machine Machine) int64 {
	if c.PodsPerCore == 0 {
		return pods
	}
	return min(pods, int64(c.PodsPerCore)*machine.VCPUs)
}
