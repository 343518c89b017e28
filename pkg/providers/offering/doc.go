// Package offering knows what can be launched, and for how much.
//
// It answers for each pool (type, zone, capacity type): what does an hour cost, and is it
// worth asking EC2 for? With the types of package instancetype that makes what Karpenter
// plans with. InstanceTypes is the hottest call in Karpenter, so the answer for a node class
// is a snapshot that is rebuilt only when an input changed: the class (its generation or the
// subnets in its status), EC2's types, prices, refused pools, the cluster's kubelet-config
// and pod network.
//
//	New(Config, Sources) (*Provider, error)
//	InstanceTypes(ctx, class) ([]*cloudprovider.InstanceType, error)
//	Sizes(ctx, class, typeName) (kubelet.Sizes, error)    // as the scheduler was told
//	Price(pool) (float64, bool)
//	Refuse(pools, why)                                     // EC2 had none; left alone for cache.Unavailable
//	RefuseSubnet(id, why), RefuseCapacityType(capacityType, why)
//	Refusals() []Refusal                                   // for messages that say why
//	UpdateOnDemandPrices(ctx) error, UpdateSpotPrices(ctx) error
//
// The slice that InstanceTypes returns is the caller's, to sort and cut. What it points to
// is shared by all callers and must not be changed: not the types, their requirements,
// offerings, capacity, nor overhead.
//
// It talks to the Pricing API and EC2 (DescribeSpotPriceHistory), in the Update methods only.
// It remembers prices until the next answer (before the first: the embedded table, and the
// on-demand price for spot), refusals for cache.Unavailable, snapshots until an input
// changes or nobody asks for an hour. It fails only as its sources fail; a feed that fails
// leaves the prices as they were.
//
// People who come from the AWS provider: this is providers/pricing, instancetype/offering
// and cache.UnavailableOfferings in one, since the question they answer is one.
package offering
