// Package plane answers "how does a kubeadm cluster's control plane run as plain processes, without root, containers
// or a network of its own?".
//
// kubeadm itself makes everything: its dry run writes certificates, kubeconfigs and static pod manifests into a folder
// of our own, and the command of each manifest is started as a process, changed only where a plain process differs from
// a static pod: paths, and addresses to listen on. Then kubeadm's phases upload what a joining node reads. No Node,
// Deployment or DaemonSet is made, so nothing waits for a place to run.
//
// It talks to the programs of one bin folder and to the API server they run. What it remembers are those processes;
// what they write is in the folder they are given. A program that ends, at start or later, is an error with the last
// lines of its log, and ends the cluster: nothing is restarted.
//
// kubeadm refuses a loopback address as the one to advertise ("unable to select an IP from lo network interface"),
// and the API server refuses one for the endpoints of the Service kubernetes. So the cluster advertises an
// address that exists nowhere (192.0.2.10, RFC 5737), listens on its loopback address, and names that as its
// controlPlaneEndpoint, which is the one kubeadm hands to those who join.
package plane
