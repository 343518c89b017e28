// Package measure tells what a controller under test did and used: its process's CPU time and
// memory from /proc, its calls of AWS from the pretended account, its requests from the proxy
// before the API server, and when pods, claims and nodes came to which point, by watches.
//
// It remembers what the watches saw for as long as its context lives. It runs in another
// process than the controller, so that it does not disturb what it measures but for the cores
// that both share. It fails where a process has ended or does not serve its metrics.
package measure
