// Package hollow boots what EC2 launches, without machines: hollow nodes.
//
// It answers what an instance becomes when it boots with its image and user data. A booter polls an
// EC2 endpoint, any that the AWS SDK can be pointed at, and for each running instance
// makes a machine.Machine that executes the instance's user data as cloud-init would.
// Whether that ends as a node is up to the script: nothing of it is matched or
// assumed. kubeadm and kubelet, once the script has installed and called them, talk to
// the API server that they are told, for real.
//
//	inventory  what EC2 tells of instances
//	vfs        files of a machine, in memory
//	shell      scripts, in a jail
//	coreutils  small programs
//	machine    operating system: image, metadata, packages, systemd
//	cloudinit  user data
//	ignition   user data of Flatcar
//	bottlerocket user data of Bottlerocket
//	provision  which of them
//	kubeconf   API clients from the machine's kubeconfig files
//	kubeadm    kubeadm join
//	kubelet    a node but for its pods
//	pods       pods, by KWOK
//	hypervisor console output and reboots, for awsfake
//	cmd        all of it as a program of its own
//
// A booter remembers a machine for as long as EC2 shows its instance: an instance that stops
// keeps its disk, one that is gone takes its machine along. The Node object stays, as in
// life; it is others' to delete. Faults of one machine are on its console; a poll that
// fails is logged and repeated.
package hollow
