// Package machine runs one instance as a machine of its own: namespaces for processes,
// mounts, network, names, IPC and control groups, a root file system of image layers, and
// systemd as its first process.
//
// It answers how an instance is switched on and off. It talks to the kernel, and to ip(8) for
// the pair of interfaces between machine and bridge. The instance metadata service listens
// inside of the machine's network namespace, so it answers that machine only.
//
// What a machine must not change for everybody else is its own copy (most of /proc/sys) or
// not there (block devices, loading of kernel modules, the clock). What it reports of its size
// is the instance type's. It remembers the process that holds the machine; killing that ends
// everything in it, and Off removes what was made outside: control groups, interfaces, disk.
package machine
