// Package ec2 pretends EC2 for the calls that Karpenter makes.
//
// It answers: what runs where in this account, and what happens when somebody asks for more.
// It talks to nobody; facts of instance types come from the catalogue. A [World] keeps
// everything by region and forgets only what EC2 forgets: terminated instances an hour
// after their end, client tokens likewise. State that changes with time is brought up to date when a call
// arrives, from the one clock, so a fake clock decides everything. What is not modelled is refused:
// parameters with UnknownParameter, filters with InvalidParameterValue.
package ec2
