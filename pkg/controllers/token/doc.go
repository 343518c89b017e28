// Package token keeps bootstrap tokens alive and ends those that nobody needs.
//
// It answers "is there a token to launch with, which may go, and has this instance its own?".
// Controller looks after the tokens that nodes share. Instances gives each instance a token of
// its own once its id is known, where they are not shared, and takes it back when the node is
// there or the NodeClaim goes; Sweep ends what a process that stopped half way left. All talk
// to the token provider and read NodeClaims and Nodes; Instances talks to where instances find
// their tokens, too.
//
// They remember which warnings were told, and which instances this process gave a token; a
// process that knows of none finds them again by what is in Systems Manager. A failure is tried
// again by the queue and said on the NodeClaim, or on every EC2NodeClass where it concerns all;
// nothing that was launched is lost by it.
package token
