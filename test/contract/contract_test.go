package contract_test

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	published "github.com/karpenter-kubeadm/karpenter-provider-aws/test/contract"
)

// patience is how long one contract may take. LocalStack imports a service at its first call.
const patience = 90 * time.Second

// soon is when awsfake, which has no delays here, shows what was done.
const soon = time.Second

// contract is one thing that an endpoint owes. holds makes an effect, reads it back by
// another call, and complains to g.
type contract struct {
	name  string
	holds func(ctx context.Context, g Gomega, a *account)
}

// violation is the first complaint of a contract.
type violation string

func (v violation) Error() string { return string(v) }

// check returns nil when a keeps c. An answer that misses a field which AWS always gives
// makes holds panic; that breaks the contract too.
func (c contract) check(ctx context.Context, a *account) (broken error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case violation:
			broken = r
		default:
			broken = fmt.Errorf("an answer that cannot be read: %v", r)
		}
	}()
	c.holds(ctx, NewGomega(func(message string, _ ...int) { panic(violation(message)) }), a)
	return nil
}

// contracts are all, in the order in which they are asked.
func contracts() []contract {
	return slices.Concat(
		networkContracts(), tagContracts(), imageContracts(), typeContracts(), templateContracts(),
		fleetContracts(), fleetAnswerContracts(), instanceContracts(), lifeContracts(), accountContracts(), parameterContracts(), queueContracts(),
		resolveContracts(), launchContracts(), inventoryContracts(),
	)
}

// endpoint is who is asked.
func endpoint() string {
	if os.Getenv("AWS_ENDPOINT_URL") == "" {
		return "awsfake"
	}
	return cmp.Or(os.Getenv("CONTRACT_ENDPOINT"), "other")
}

func TestContract(t *testing.T) {
	name, url, settled := endpoint(), os.Getenv("AWS_ENDPOINT_URL"), time.Minute
	if url == "" {
		url, settled = awsfake.Start(t).URL, soon
	}
	a := open(t, url, settled)
	t.Cleanup(func() { a.end(context.WithoutCancel(t.Context()), t) })
	allowed := differencesOf(name)
	for _, c := range contracts() {
		t.Run(c.name, func(t *testing.T) {
			broken := c.check(t.Context(), a)
			if err := verdict(allowed[c.name], broken); err != nil {
				t.Error(err)
			} else if broken != nil {
				t.Logf("differs from AWS, see row %s of differences.md", allowed[c.name].row)
			}
		})
	}
	t.Logf("%s: %d contracts, %d differences allowed", name, len(contracts()), len(allowed))
}

// TestRequirementsAreLocked: everything that is installed is named with version and hash, and
// nothing says where from: that is the machine's own setting.
func TestRequirementsAreLocked(t *testing.T) {
	g := NewWithT(t)
	files, err := fs.Glob(published.Requirements, "*.txt")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(files).To(HaveLen(3))
	for _, name := range files {
		text, err := published.Requirements.ReadFile(name)
		g.Expect(err).NotTo(HaveOccurred())
		for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				g.Expect(line).To(MatchRegexp(`^[a-z0-9.-]+(\[[a-z,]+\])?==[0-9a-z.]+ .*--hash=sha256:[0-9a-f]{64}$`), name)
			}
		}
	}
}

func TestContractsHaveNamesOfTheirOwn(t *testing.T) {
	g, seen := NewWithT(t), map[string]bool{}
	for _, c := range contracts() {
		g.Expect(seen).NotTo(HaveKey(c.name))
		seen[c.name] = true
	}
	g.Expect(len(seen)).To(BeNumerically(">=", 60))
}
