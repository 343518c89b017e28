// Package ec2 pretends EC2 for the calls that Karpenter makes.
//
// It answers: what runs where in this account, and what happens when somebody asks for more.
// It talks to nobody; facts of instance types come from the catalogue. A [World] keeps
// everything by region and forgets only what EC2 forgets: terminated instances an hour
// after their end, client tokens after a day. State that changes with time is brought up to
// date when a call arrives, from the one clock, so a fake clock decides everything. It fails
// as EC2 does, with EC2's codes where EC2 puts them (in a fleet's list of errors, or as
// the error of the call). What is not modelled is refused: parameters with UnknownParameter,
// filters with InvalidParameterValue.
//
// Read in this order: world.go, region.go (state and time), fleet.go, fill.go, plan.go,
// launch.go (what becomes of a request), instance.go (a life).
package ec2
