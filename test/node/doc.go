// Package node boots what EC2 launches as real nodes on this machine: the unmodified kubelet,
// kubeadm, containerd and runc under systemd, run by the instance's own user data.
//
// It answers what an instance becomes when it boots, like package hollow, but with nothing
// interpreted: namespaces take the place of a hypervisor. A booter polls EC2 and switches
// machines on and off as their instances start and end.
//
//	cgroup    control groups of machines
//	world     everything in network, mount and process namespaces of its own
//	machine   one machine
//	image     what machines boot from
//	mirror    package repositories
//	guest     the stand-in for cloud-init, a program of the images
//	pause     the program of the pause image
//	programs  a Go module that pins containerd, runc and the CNI plugins
//	cmd       check, build and isolation as a program
//
// What it cannot show: cgroup v2, Services (there is no kube-proxy), pods of one node reaching
// those of another, arm64, a kernel of the node's own.
//
// It remembers a machine for as long as its instance runs. A machine that does not boot is
// logged and not tried again; its instance's console says why.
package node
