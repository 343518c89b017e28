// Package pricetable is an embedded table of on-demand prices, of every region whose
// prices AWS makes public.
//
// It answers: what does a type cost where the Pricing API cannot be asked, because
// the network is isolated or the permission is missing? The prices are those of one day
// for each region, which Date tells; tools/gen generates them and its doc comment names
// the sources. A type that came later, or is not sold in a region, has no price there.
//
// It talks to nothing and remembers nothing: each call decodes the table, which
// takes a few milliseconds, so a caller asks once and keeps the answer. It fails
// only for a region that is not in the table.
package pricetable
