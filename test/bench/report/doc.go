// Package report shows what the bench found: a line and a table for a terminal, JSON to keep and
// compare with, and a page of HTML with charts that needs no other file and no network.
//
// Two controllers are compared by ratios of the first to the others, a run with the baseline row by
// row. It reads and writes the files that it is told and remembers nothing.
package report
