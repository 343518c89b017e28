// Package kind runs the specs on a real kind cluster: one control plane and one worker in
// Docker containers, the charts installed by Helm, the controller as a pod of our image
// archive, LocalStack as its EC2.
//
// It answers whether the product works on a cluster that nobody here wrote, on an EC2 that
// nobody here wrote. Neither needs a registry or the network: `make e2e-kind` builds
// everything from Go modules, Debian packages and a locked list of Python packages, and keeps it in the cache.
//
//	docker    Docker of our own, or the machine's
//	image     the node image
//	cluster   kind's cluster, and what is installed on it
//	booter    an EC2 instance as one more container of the node image
//	trace     what a run must not change on the machine
//	programs  a Go module that pins kind, Helm, CoreDNS
//	cmd       the program that make calls
//
// The network that kind puts its nodes in is EC2's default VPC: an instance's container has
// the address that EC2 gave it, and LocalStack listens at the network's gateway.
//
// The whole is in network, mount and process namespaces of its own (see test/node/world), so
// that nothing that Docker does to iptables, forwarding or bridges is done to the machine; a
// machine whose Docker runs already lends that one, and gets it back as it was.
package kind
