// Package machine is a hollow EC2 instance: an operating system without a kernel.
//
// It answers what a script that runs on such an instance finds: the files of its image,
// instance metadata, package repositories, systemd. It talks to nothing but the hosts
// that Config.Reachable lists. Packages come from repositories that are configured as on
// the real system, so kubelet cannot be installed before the Kubernetes repository is
// there; a package makes its programs and units exist, no more. What the programs kubeadm
// and kubelet do is handed in as commands.
//
// A machine remembers its disk over reboots and everything until it is dropped. Faults
// are those of the real programs: a message, a status, a unit that failed.
package machine
