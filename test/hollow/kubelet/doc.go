// Package kubelet is the program kubelet on a hollow machine: everything of a node but its pods.
//
// It answers how a node looks that a kubelet with these flags and this configuration would
// register: name, provider id, labels, taints, capacity, addresses. Flags win over the
// configuration file, what the real program refuses it refuses. It talks to the API
// server for real: it gets its client certificate by client-go's certificate manager,
// registers the Node with it, reports Ready and renews its lease; a serving certificate
// when the configuration asks for one. Pods is told while the node is up, and plays the pods.
//
// It remembers its certificate on the machine's disk, as the real one does. A kubelet that
// cannot start prints why and exits, and systemd starts it again.
package kubelet
