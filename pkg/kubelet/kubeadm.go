package kubelet

// defaultMaxPods is the kubelet's own.
const defaultMaxPods = 110

// Machine is what Sizes depend on of an instance type.
type Machine struct {
	VCPUs int64
	// Network is zero where pods take no addresses of the VPC.
	Network Network
}

// Kubeadm returns the sizes of a node that joins with kubeadm and runs with c: what the class
// sets over what the cluster's kubelet-config sets, and for the rest the kubelet's own
// defaults. Stock kubeadm sets neither pods nor reserved resources: 110 pods, nothing
// reserved. Where pods take addresses of the VPC, and nobody sets their number, it is what
// the machine's network has addresses for. Maps are shared with c.
func Kubeadm(c Config, machine Machine) Sizes {
	pods := int64(c.MaxPods)
	if pods == 0 {
		pods = machine.defaultPods()
	}
	return Sizes{
		MaxPods:        c.capPods(pods, machine),
		KubeReserved:   c.KubeReserved,
		SystemReserved: c.SystemReserved,
		EvictionHard:   c.evictionHard(),
	}
}

// defaultPods is what a node takes when nobody says.
func (m Machine) defaultPods() int64 {
	if m.Network == (Network{}) {
		return defaultMaxPods
	}
	pods := m.Network.pods(m.Network.ReservedInterfaces)
	if !m.Network.Prefixes {
		return pods
	}
	// Prefixes hold more addresses than a kubelet can run pods for; these are AWS's bounds.
	if m.VCPUs > 30 {
		return min(pods, 250)
	}
	return min(pods, defaultMaxPods)
}

// capPods applies podsPerCore, which counts what the kubelet calls cores: vCPUs.
func (c Config) capPods(pods int64, machine Machine) int64 {
	if c.PodsPerCore == 0 {
		return pods
	}
	return min(pods, int64(c.PodsPerCore)*machine.VCPUs)
}
