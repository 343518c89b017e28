package wire

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"k8s.io/utils/clock"
)

// Env is what all services of one pretended account share.
type Env struct {
	Clock     clock.Clock
	Account   string // twelve digits
	Partition string // "aws"

	mu     sync.Mutex
	random *rand.Rand
}

// NewEnv returns an account whose ids follow from seed alone, so a test sees the same ids
// in each run.
func NewEnv(c clock.Clock, account string, seed uint64) *Env {
	return &Env{Clock: c, Account: account, Partition: "aws", random: rand.New(rand.NewPCG(seed, seed))}
}

// ID returns a new id of AWS's long form: prefix, a dash and 17 hexadecimal digits.
func (e *Env) ID(prefix string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprintf("%s-0%016x", prefix, e.random.Uint64())
}

// UUID returns a new random identifier in the form that AWS gives requests and messages.
func (e *Env) UUID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, b := e.random.Uint64(), e.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

// ARN names a resource of this account, for example ARN("ec2", "us-east-1", "instance/i-0a").
// Region is empty for global services.
func (e *Env) ARN(service, region, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", e.Partition, service, region, e.Account, resource)
}
