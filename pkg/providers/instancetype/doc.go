// Package instancetype knows the instance types of a region.
//
// It answers: which types does EC2 have here, in which zones, and what would a node of a
// node class be on each of them: labels, capacity, what its kubelet holds back? It does not
// say what a type costs or whether EC2 has any left; package offering does.
//
//	New(ec2API, Config) *Provider
//	Update(ctx) error                       // asks EC2; the refresh controller and the start call it
//	Version() uint64                        // changes when Resolve would answer differently
//	Resolve(class, cluster) ([]*cloudprovider.InstanceType, []kubelet.Sizes, error)
//	Facts() []Type                          // for metrics
//	Learn(measurements...) bool             // what nodes turned out to have
//	Measurements(at) []Measurement          // to keep across restarts
//
// It talks to EC2 (DescribeInstanceTypes, DescribeInstanceTypeOfferings), in Update only. It
// remembers the last complete answer until the next, so an Update that fails changes
// nothing; and the least memory that nodes of a type and image had, which replaces the estimate. Before the first, Resolve fails with ErrUnknown. It fails for a node class
// whose spec.kubelet, or a cluster whose kubelet-config, a kubelet would refuse.
//
// People who come from the AWS provider: this is providers/instancetype without its caches
// and without offering.
package instancetype
