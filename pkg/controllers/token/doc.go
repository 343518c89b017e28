// Package token keeps the bootstrap token alive and ends tokens that nobody needs.
//
// It answers "is there a token to launch with, and which may go?". It talks to the token
// provider, and reads NodeClaims to see who waits for a node. It remembers nothing but that it
// has looked once at start whether the cluster approves certificates of our tokens unasked. A
// failure is tried again by the queue; launches fail on their own account meanwhile.
package token
