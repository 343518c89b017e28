// Package scenario is what is done to a cluster while its controller is measured: pods that
// come, nodes that drift, capacity that ends. A scenario makes trouble through the Kubernetes API
// and the pretended AWS account, waits until the cluster is as it should be, and says how long
// that took and what it cost.
//
// A scenario that does not come to its end within its limit gives a row with the reason and
// what was measured until then. It remembers nothing but in its row.
package scenario
