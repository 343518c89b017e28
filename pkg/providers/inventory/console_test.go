package inventory_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const action = "GetConsoleOutput"

// withConsoles is an account whose inventory reads consoles.
func withConsoles(t *testing.T) *account {
	t.Helper()
	a := newAccount(t)
	a.inventory = inventory.New(inventory.Deps{API: a.api, Consoles: a.api, Clusters: a.clusters, Clock: realTimers{a.clock}})
	return a
}

func (a *account) write(id instance.ID, text string) {
	a.t.Helper()
	NewWithT(a.t).Expect(a.EC2.SetConsoleOutput(a.Region(), string(id), []byte(text))).To(Succeed())
}

func TestConsoleIsScrubbedAndAskedForOnceAMinute(t *testing.T) {
	g, a := NewWithT(t), withConsoles(t)
	id := a.run(1, ourUID)[0]
	a.write(id, "+ kubeadm join --token abcdef.0123456789abcdef")

	text, err := a.inventory.Console(t.Context(), id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(text).To(Equal("+ kubeadm join --token <redacted>"))
	a.write(id, "more")
	g.Expect(a.inventory.Console(t.Context(), id)).To(Equal(text))
	g.Expect(a.Calls(action)).To(Equal(1))

	a.clock.Step(time.Minute)
	g.Expect(a.inventory.Console(t.Context(), id)).To(Equal("more"))
}

func TestConsoleOfATypeWithoutLatest(t *testing.T) {
	g, a := NewWithT(t), withConsoles(t)
	id := a.run(1, ourUID)[0]
	a.write(id, "started")
	a.Inject(wire.Fault{Action: action, Answer: wire.Errorf("UnsupportedOperation", "This instance type does not support retrieving the latest console logs.")})
	g.Expect(a.inventory.Console(t.Context(), id)).To(Equal("started"))
}

func TestConsoleWithoutPermissionIsLeftAlone(t *testing.T) {
	g, a := NewWithT(t), withConsoles(t)
	id := a.run(1, ourUID)[0]
	a.Inject(wire.Fault{Action: action, Answer: wire.Errorf("UnauthorizedOperation", "You are not authorized.")})
	for range 3 {
		_, err := a.inventory.Console(t.Context(), id)
		g.Expect(err).To(MatchError(inventory.ErrNoConsole))
	}
	g.Expect(a.Calls(action)).To(Equal(1))

	a.clock.Step(10 * time.Minute)
	_, err := a.inventory.Console(t.Context(), id)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestConsolesAreFewInAMinute(t *testing.T) {
	g, a := NewWithT(t), withConsoles(t)
	var refused int
	for _, id := range a.run(40, ourUID) {
		if _, err := a.inventory.Console(t.Context(), id); err != nil {
			g.Expect(err).To(MatchError(inventory.ErrNoConsole))
			refused++
		}
	}
	g.Expect(refused).To(Equal(10))
	g.Expect(a.Calls(action)).To(Equal(30))
}

func TestConsoleOfAnUnknownInstance(t *testing.T) {
	g, a := NewWithT(t), withConsoles(t)
	_, err := a.inventory.Console(t.Context(), "i-0123456789abcdef0")
	g.Expect(err).To(MatchError(instance.ErrNotFound))
}
