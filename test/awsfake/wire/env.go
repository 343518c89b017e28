package wire

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"

	"k8s.io/utils/clock"
)

// Env is what all services of one pretended account share.
type Env struct {
	Clock     clock.Clock
	Account   string // twelve digits
	Partition string // "aws"

	seed uint64
	made atomic.Uint64 // ids so far
}

// NewEnv returns an account whose ids follow from seed alone, so a test sees the same ids
// in each run.
func NewEnv(c clock.Clock, account string, seed uint64) *Env {
	return &Env{Clock: c, Account: account, Partition: "aws", seed: seed}
}

// ID returns a new id of AWS's long form: prefix, a dash and 17 hexadecimal digits.
func (e *Env) ID(prefix string) string {
	next := e.next()
	return fmt.Sprintf("%s-0%x", prefix, next[:8])
}

// UUID returns a new random identifier in the form that AWS gives requests and messages.
func (e *Env) UUID() string {
	b := e.next()
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a random UUID says that it is one
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// next is unlike any before, looks random and follows from the seed.
func (e *Env) next() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d/%d", e.seed, e.made.Add(1)))
}

// ARN names a resource of this account, for example ARN("ec2", "us-east-1", "instance/i-0a").
// Region is empty for global services.
func (e *Env) ARN(service, region, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", e.Partition, service, region, e.Account, resource)
}
