// Package pricetable is the embedded table of Linux on-demand prices of every
// region that AWS sells EC2 in publicly.
//
// It answers: what does a type cost where the Pricing API cannot be asked, because
// the network is isolated or the permission is missing? The prices are those of the
// day Date; tools/gen generates them and its doc comment names the source.
//
// It talks to nothing and remembers nothing: each call decodes the table, which
// takes a few milliseconds, so a caller asks once and keeps the answer. It fails
// only for a region that is not in the table.
package pricetable
