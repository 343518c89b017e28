// Package image builds what real nodes boot from: root file systems with systemd, and the
// package repositories that their scripts install from.
//
// It answers which folders are the layers of a stock image, with the operating system alone,
// and of a baked one, with containerd and the Kubernetes programs installed. It talks to the
// Go command (containerd, runc and CNI plugins are built from Go modules), to debootstrap and
// to dpkg and gpg; what is missing of these it installs by apt-get. There is no image
// registry: pause and busybox become archives on the disk.
//
// It remembers every step in the cache folder under a hash of its inputs, until nobody
// has asked for it in two weeks; building twice at once waits for the other. It fails with the end of what the step's program printed.
package image
