// Package binary answers "where are etcd and the Kubernetes programs, built from their Go modules?".
//
// It talks to the Go command and to one folder, the cache. There it remembers, forever and for every combination of
// sources, Go release and platform, one finished folder with the program and a symbolic link per name:
//
//	<cache>/kube/<hash of the sources>/<go release>-<os>-<arch>-cgo<0|1>/{kube,etcd,kubeadm,kubectl,...}
//
// A folder appears there whole, by renaming, so what exists is complete; two builders at once take turns by a lock
// file. It fails when the Go command does, with the lines the Go command ended with.
package binary
