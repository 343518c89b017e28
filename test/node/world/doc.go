// Package world isolates a run of real nodes from the machine it happens on.
//
// It answers "where can a control plane, an AWS account and nodes have addresses, mounts and
// control groups without the machine noticing?": in a network, mount and process namespace of
// their own. The network is a bridge that stands for the VPC of awsfake: its router, the
// control plane and the package repositories have addresses there, and nothing leads out.
// When the first process of the world ends, however it ends, the kernel ends all the others,
// and the network and the mounts go with them.
//
// On the machine itself it makes one folder and one control group in each hierarchy, and
// removes them at the end; Run fails when they cannot be removed. What a run that was killed
// has left, the next one removes. The logs of a run that failed stay, and it says where.
//
// User data runs as root in such worlds. Run therefore looks at the machine before and after:
// mounts, interfaces, routes, packet filter, swap, the kernel's settings and the
// folders that installing packages and joining a cluster write to. It fails naming every
// difference, also one that somebody else has made meanwhile.
package world
