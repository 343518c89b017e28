// Package docker answers with which Docker the kind cluster is made: the one that runs on
// this machine, or one of our own.
//
// Our own daemon runs from a root file system in the cache, with mounts of its own, in
// whatever network and process namespace its starter is in, and in the starter's control
// group. What it changes (addresses, iptables, forwarding) is that namespace's. It keeps
// images and containers in a folder that Start is given. Nothing is remembered when it has
// stopped. It fails with what docker or its log say last.
package docker
