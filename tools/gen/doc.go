// Command gen writes the tables of public EC2 facts that the tree embeds.
//
// It answers: what does EC2 offer, how large is it, and what does it cost on
// demand? Two files come out of it:
//
//   - test/awsfake/catalogue/types.tsv, one line for each instance type, which
//     the fake EC2 answers from;
//   - pkg/providers/offering/pricetable/ondemand.tsv.gz, the Linux on-demand prices of all regions with public prices, which the product falls back to
//     where the Pricing API cannot be reached.
//
// It talks to nothing but the Go module proxy. The facts are data files inside two
// modules that go.mod pins, read as text and never linked:
//
//   - github.com/LeanerCloud/ec2-instances-info, data of ec2instances.info (MIT):
//     sizes, processors, storage, accelerators, prices, and the zones by id in which
//     a type is offered;
//   - github.com/aws/karpenter-provider-aws (Apache-2.0): the network interface
//     limits, hypervisors and baseline bandwidths that AWS generates there, and prices of
//     four regions: younger ones of us-east-1 and both of GovCloud, and those of cn-north-1.
//
// It remembers nothing, and the same pins give the same bytes. A fact that no
// source states is left empty, never guessed.
//
// It fails, without writing anything, when a source cannot be read or lacks what
// the tree relies on. With -check it writes nothing and fails when a file differs
// from what it would write; compressed files are compared by their content.
package main
