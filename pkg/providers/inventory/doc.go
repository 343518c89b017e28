// Package inventory knows the instances that exist, and ends, names and restarts them.
//
// It answers "what do we run?": one instance (Get), all of the cluster's (List), all that
// this cluster ever launched as far as EC2 remembers (Launches), and those that another
// cluster of our name runs (Foreign). It talks to EC2. It remembers a sweep of all
// instances for a few seconds, so that loops which want the list at the same time share
// one; Get asks EC2 each time, many at once in one call.
//
// It fails with instance.ErrNotFound for an instance that EC2 does not know, or knows as
// terminated; with *ForeignError rather than touch an instance of another cluster; else as
// EC2 does.
package inventory
