// Package sts pretends STS as far as a controller and its user need it: who am I, and
// let me be a role.
//
// It answers from what a [Directory] knows of access keys (package policy is one) and
// tells it of the keys it gives out. It remembers nothing itself. It fails as STS does:
// AccessDenied, ValidationError. Signatures and expiry are not checked, as nowhere in
// the fake.
package sts
