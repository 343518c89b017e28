package cluster

// KubeletSkew is how many minors older than the API server Kubernetes supports this kubelet
// to be: three, and two before 1.25. Newer than the API server it must never be.
// https://kubernetes.io/releases/version-skew-policy/#kubelet
func KubeletSkew(kubelet Version) int {
	if kubelet.AtLeast(1, 25) {
		return 3
	}
	return 2
}

// SupportsKubelet reports whether Kubernetes' version skew policy allows this kubelet with an
// API server of version v. Patches do not matter.
func (v Version) SupportsKubelet(kubelet Version) bool {
	return v.Major == kubelet.Major && kubelet.Minor <= v.Minor && v.Minor-kubelet.Minor <= KubeletSkew(kubelet)
}
