// Package contract holds what an AWS endpoint owes the controller, one sentence after the other, and
// finds out whether an endpoint keeps it.
//
// It answers one question: does what was written for one endpoint work on another? Each contract
// changes something through the AWS SDK, or through the product's own providers, and reads the
// effect back by another call. The same contracts are asked of awsfake in every run of the
// tests, and of endpoints that other people wrote:
//
//	go test ./test/contract                                    // awsfake, in this process
//	go run ./test/contract/foreign all                         // moto and LocalStack, from PyPI
//	AWS_ENDPOINT_URL=http://... go test ./test/contract        // any other
//
// # Differences
//
// CONTRACT_ENDPOINT names the endpoint, and with it the list of contracts that it is known to break. An
// entry cites the page of AWS's documentation that says otherwise, and a row of differences.md. A
// listed contract must break, and in the way that its entry says: an endpoint that has
// learned to keep it fails the test until the entry is removed.
//
// # Memory
//
// The contracts make what they need: a VPC with subnets and a security group, an instance profile, all
// with names and tags of this run. Instances and launch templates are ended at the end of a run; networks
// stay, so this is for emulators and for accounts that nothing else lives in.
//
// # Proof that contracts can break
//
// TestBugsAreNoticed plants bugs into awsfake, one at a time, between the SDK and the
// server. Each must break the contract that is named beside it.
package contract
