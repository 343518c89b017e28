// Package network finds the subnets and security groups that a node class selects, and
// shares out the free addresses of subnets among launches.
//
// It answers: where may nodes of this class start, behind which security groups, and
// which subnet of a zone has room? It talks to EC2 (DescribeSubnets,
// DescribeSecurityGroups; every page). It remembers answers by selector for the refresh
// interval, the free addresses of each subnet as EC2 last counted them, and the addresses
// that launches took since, for at most cache.SubnetFreeAddresses.
//
// It fails as EC2 does, with an *aws.CallError in the chain. That a selector matches
// nothing is an empty answer and no error.
package network
