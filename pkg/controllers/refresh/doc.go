// Package refresh keeps what was asked of AWS long ago from growing old.
//
// It answers no question; it asks others to renew their answers: package instancetype its
// types and package offering its prices, each on its schedule, and it shows both as
// metrics. It talks to AWS only through them, and to Kubernetes to list NodePools. It
// remembers which metric series it has published, so that those of types, zones and NodePools
// that are gone are taken away. A renewal that fails leaves the old answer in place and is
// tried again with growing delays, up to about 17 minutes.
package refresh
