// Package awsfake is an AWS account on one address: an HTTP server that the unmodified AWS SDK
// talks to, for the calls that Karpenter makes. Nothing of the code under test is replaced.
//
//	aws := awsfake.Start(t)                        // ends with the test
//	client := awsec2.NewFromConfig(aws.Config())
//	...
//	aws.Calls("DescribeSubnets")                   // 2
//	aws.Inject(wire.Fault{Action: "CreateFleet", Stage: wire.After, Drop: true})
//
// It answers what AWS would, including that it takes time, that it forgets, that it has no capacity and
// that it says no. What it does not model (a service, an action, a parameter, a filter) it
// refuses with AWS's own error; it never answers an empty success.
//
// # Parts
//
//   - wire: protocols, faults, throttling, recording, the authorisation hook; knows no service
//   - ec2: instances, fleets, templates, networks, images, capacity, with their clocks
//   - eks, iam, pricing, sqs, ssm, sts, zonalshift: one package for each of these services
//   - policy: evaluates IAM policies; the authorisation hook when a test gives policies
//   - catalogue: facts of instance types, prices, offerings
//   - cmd: the same as a program of its own, also steerable over HTTP
//
// A service package has a New that takes the [wire.Env] and what it needs of others as small
// interfaces, and a method Service() that returns its [wire.Service]; [New] here is the only place that
// knows all of them. To add a call: a request struct, an answer struct, a method, one line in
// Service(). The package comment of wire says what such a method owes.
//
// # Limits
//
// Signatures are not verified. Calls of one service run one after the other. Of EC2, not modelled among what
// Karpenter can ask for: IPv6 addresses, instance requirements and weights in fleets, the strategy
// "diversified", fleets that maintain themselves, versions of launch templates after the
// first, interruptible reservations. What EC2 does not document (how it weighs spot capacity
// against price, which free address it takes) follows a rule that the code states.
//
// # Memory
//
// All state is in memory and lives as long as the [Server]. There is one clock for all of it. With a fake
// clock nothing happens until the test steps it.
package awsfake
