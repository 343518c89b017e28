// Package arena is the world in which one controller is measured: an embedded control plane, a
// pretended AWS account that is as slow and as stingy as EC2, hollow nodes, and the controller as a
// process with the chart's ServiceAccount, told everything by the official environment variables alone.
//
// It gives each controller the same: the same permissions, classes, pools and user data, and a
// bootstrap token that it minted itself in the group whose nodes kubeadm's cluster approves. A
// subject that is Own renders user data, mints tokens and approves certificates itself.
//
// An arena lives for the scenarios that build on each other. It fails naming the part that
// did not start and the folder with that part's output.
package arena
