// Package process answers "how does a program run so that it never outlives the one that started it?".
//
// It talks to the kernel only: every child is in a process group of its own, so that Ctrl-C in the terminal reaches
// this program alone, which then stops its children in the order it knows; and every child has a parent death
// signal, so that the kernel ends it even when this program is killed with SIGKILL. Children that fork on their own
// (the Go command does) are reached through their group, but not by the parent death signal.
//
// It remembers the processes it started until they end, and the end of their log files for the error message. A
// program that cannot be started, or that ends with another code than 0, is an error with the last lines it wrote.
//
// Linux only: other kernels have no parent death signal.
package process
