// Package vfs is a file system in memory: what a hollow machine has in place of a disk.
//
// It answers which bytes, mode and links a path has, with the errors and symbolic link
// rules of Linux. It talks to nothing, above all not to the file system of the host. It
// remembers a tree of immutable nodes, so that a clone of an image costs nothing until
// something is written to it. It fails with *fs.PathError around a syscall.Errno, as package os does.
//
// There are no owners: everything on a hollow machine runs as root.
package vfs
