package cache

import "time"

// How long answers are kept. One table, so that two packages cannot disagree on how
// stale the world may look. Each number says why it is not half or double.
const (
	// Network is for subnets and security groups: a changed tag shows within one
	// nodeclass reconcile, which runs no more often than this.
	Network = time.Minute

	// SubnetFreeAddresses outlives Network by enough that addresses taken by our own
	// launches stay deducted until EC2's count includes them.
	SubnetFreeAddresses = 5 * time.Minute

	// Images is as short as Network, since an image that is deregistered makes every launch fail.
	Images = time.Minute

	// PublicParameter is for SSM parameters that vendors publish: they move every few
	// weeks, and a node must not drift twice in a day.
	PublicParameter = 24 * time.Hour

	// CustomParameter is for SSM parameters of the user's own, who waits for his change to show.
	CustomParameter = 5 * time.Minute

	// InstanceTypes is how long EC2's list of types stands. AWS adds types a few times a
	// month and never changes one.
	InstanceTypes = 12 * time.Hour

	// Prices is how long prices stand. On-demand prices hardly move and spot prices are
	// smoothed by EC2 over days.
	Prices = 12 * time.Hour

	// Unavailable is how long a pool that EC2 refused is left alone. Capacity returns
	// within minutes when others release it; at half of this, one launch in a large
	// shortage would find all of its pools forgotten before it had tried them all.
	Unavailable = 3 * time.Minute

	// InstanceProfile is for profiles that exist: IAM is eventually consistent over seconds
	// and throttles hard, and a profile that is deleted shows as a failed launch anyway.
	InstanceProfile = 15 * time.Minute

	// MissingRole is for roles that IAM does not know: long enough not to be throttled,
	// short enough that creating the role is seen as an answer.
	MissingRole = time.Minute

	// Validation is for the verdict of dry-run calls, which cost API quota and change
	// only when IAM policies or the class do.
	Validation = 30 * time.Minute

	// DiscoveredMemory is for what nodes report of their memory: it is a fact of type and
	// image, so it holds for as long as such an image is likely to be in use.
	DiscoveredMemory = 60 * 24 * time.Hour

	// ClusterInfo is for what nodes must know of the cluster. A rotated CA or an upgraded
	// control plane shows in launches no later than this.
	ClusterInfo = 5 * time.Minute
)

// staleRetry is how long a value that could not be refreshed is served before the next
// attempt: half would double the load on an API in trouble, double would delay recovery
// beyond what a person watching would accept.
const staleRetry = 10 * time.Second
