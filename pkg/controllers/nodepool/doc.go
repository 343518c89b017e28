// Package nodepool says why a NodePool can launch nothing.
//
// It answers: which of the NodePool's requirements, alone or together, does no instance type
// of its EC2NodeClass meet, and what is there to choose from in its place? Karpenter's core
// says only that the requirements filtered out all types. The answer is a Warning event on
// the NodePool and a line in the log; there is no condition, since core owns the NodePool's.
//
// It talks to the API server, and to whatever Karpenter plans with for instance types. It
// remembers what it has said of each NodePool until that is no longer true. It looks when a
// NodePool's spec or its EC2NodeClass changes, and every few minutes, since what can be had
// of EC2 changes by itself. It fails as its sources do, and is then run again.
package nodepool
