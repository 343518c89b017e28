// Package pricing pretends the Price List API, for the products of EC2 that the
// catalogue knows.
//
// It answers: what does a type cost in a region? For each type that has a price there
// it lists three products, as AWS does: the one for running instances, the one for
// capacity that is reserved and unused, at the same price, and the one for capacity
// that is reserved and used, which costs nothing more. A caller that does not filter by
// capacitystatus therefore sees a price of zero, in the fake as in life. All are of
// Linux without other software; bare metal is of its own product family and tenancy.
//
// It talks to nobody. Prices are the catalogue's, for ever, except those a test sets.
// The API lives in few regions; calls signed for another are refused, because on AWS
// there is no server that would answer.
//
// It fails as the API does: InvalidParameterException, InvalidNextTokenException,
// NotFoundException.
package pricing
