// Package join proves that joining works with real parts: what pkg/join renders, run by a
// hollow machine against a real control plane of kubeadm's making, with the token that
// pkg/providers/token keeps and the approver of pkg/controllers/csr, each with the rights
// that the chart gives. Beside each attack on it, refused by name, stands its harmless twin.
// Only EC2 is left out: an inventory in memory stands for it.
package join
