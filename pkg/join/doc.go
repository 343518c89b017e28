// Package join renders the user data with which an EC2 instance becomes a node of a
// kubeadm cluster.
//
// It answers "what must this machine run at its first boot?". It talks to nobody and
// remembers nothing: Render is a pure function of its Spec, and the same Spec gives the
// same bytes, so that launch templates are few and nodes do not drift. It fails with a
// *SpecError when the user's input cannot be rendered and with a *SizeError when the
// result is larger than EC2 takes.
//
// What runs on the machine is in scripts/: plain shell that reads a block of variables
// which Render puts in front of it. A family of operating systems is one file here.
package join
