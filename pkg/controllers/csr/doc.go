// Package csr decides on the certificates that the kubelets of our nodes ask for.
//
// It answers "is this the machine that we launched?" for requests that are ours to judge,
// and touches no other:
//
//   - client certificates that a bootstrap token of ours asks for. All machines that are
//     launched in the same hours may share one, so that holding it proves little. A certificate
//     is approved for the name of an instance that we launched, whose NodeClaim waits for its
//     node, once, and by the latest request; where each instance has a token of its own, with that one alone.
//   - serving certificates that a node of one of our NodeClaims asks for. They are approved
//     for names and addresses that EC2 gives to its instance.
//
// A verdict is approve, hold or deny. Hold is for what cannot be told yet, and is judged again
// soon; deny is for proof. The rules are in client.go and serving.go, each one function with
// one reason, in the order in which they are asked.
//
// It talks to the API server, and to EC2 through Inventory. Which request it approves for a
// NodeClaim it writes down there before it approves, so that a restart or another replica
// approves no second one. It remembers for a minute why a request is held, for whoever
// explains it to users. What fails on the way is tried again; nothing is approved meanwhile.
package csr
