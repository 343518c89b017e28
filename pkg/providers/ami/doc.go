// Package ami finds the images that nodes of a node class boot from.
//
// It answers: which images does spec.amiSelectorTerms, or where there is none the family's
// default, mean now? It talks to EC2 (DescribeImages; every page) and, for aliases and
// parameters, to SSM (GetParameter). What is published for a Kubernetes version depends on
// the cluster, which the consumer's Clusters tells.
//
// Images of an alias say of which instance types they are: those with GPUs or accelerators
// get the family's image with drivers, or none. Of a user's own selection nothing is assumed.
//
// It remembers images by selector for the refresh interval, parameters that vendors
// publish for cache.PublicParameter and those of users for cache.CustomParameter. A
// vendor's parameter that points to an image which is gone or deprecated is asked for again.
//
// It fails with a *NotFoundError that lists what was sought when there is no image at all,
// with an *UnsupportedAliasError for an alias that this cluster cannot have, and else as AWS
// does, with an *aws.CallError in the chain.
package ami
