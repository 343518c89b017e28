// Package env is a whole world for a spec or the demo: an embedded kubeadm control plane,
// a pretended AWS account, hollow nodes that boot from its instances, both charts
// installed, and the controller as a process of its own with the chart's ServiceAccount.
//
// With KUBECONFIG and AWS_ENDPOINT_URL set it uses those instead of making its own.
//
// It remembers what it started and ends it in the reverse order. It fails naming the part
// that did not start and the file with that part's output.
package env
