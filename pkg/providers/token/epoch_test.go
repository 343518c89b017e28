package token

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestLaunchedSaysWhoCanHaveTheToken(t *testing.T) {
	epoch := Epoch{Created: noon, Retired: noon.Add(6 * time.Hour), Expires: noon.Add(12 * time.Hour)}
	for name, tc := range map[string]struct {
		epoch Epoch
		at    time.Time
		want  bool
	}{
		"while it is current":                 {Epoch{Created: noon}, noon.Add(time.Hour), true},
		"before it was made":                  {epoch, noon.Add(-2 * time.Minute), false},
		"before it was made, by clock skew":   {epoch, noon.Add(-time.Minute), true},
		"just after it was retired":           {epoch, noon.Add(6*time.Hour + LaunchGrace), true},
		"long after it was retired":           {epoch, noon.Add(6*time.Hour + LaunchGrace + 2*time.Minute), false},
		"while it is current, long after ttl": {Epoch{Created: noon}, noon.Add(100 * time.Hour), true},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(tc.epoch.Launched(tc.at, time.Minute)).To(Equal(tc.want))
		})
	}
}

func TestSpent(t *testing.T) {
	retired := Epoch{Created: noon.Add(-6 * time.Hour), Retired: noon, Expires: noon.Add(6 * time.Hour)}
	for name, tc := range map[string]struct {
		epoch   Epoch
		at      time.Time
		waiting []time.Time
		want    bool
	}{
		"the current one never is":               {Epoch{Created: noon}, noon.Add(time.Hour), nil, false},
		"nobody waits":                           {retired, noon.Add(LaunchGrace), nil, true},
		"a launch may still be under way":        {retired, noon.Add(LaunchGrace - 1), nil, false},
		"a claim from before waits for its node": {retired, noon.Add(10 * time.Minute), []time.Time{noon.Add(-time.Minute)}, false},
		"a claim from the grace waits":           {retired, noon.Add(10 * time.Minute), []time.Time{noon.Add(time.Minute)}, false},
		"a claim from after waits":               {retired, noon.Add(10 * time.Minute), []time.Time{noon.Add(LaunchGrace)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(tc.epoch.Spent(tc.at, tc.waiting)).To(Equal(tc.want))
		})
	}
}

func TestStateRotatesAtHalfLife(t *testing.T) {
	g := NewWithT(t)
	const ttl = 12 * time.Hour
	first, err := state{}.minted(noon, ttl, Group)
	g.Expect(err).NotTo(HaveOccurred())
	id := first.epochs[0].ID

	still, ok := first.current(noon.Add(ttl/2-time.Second), ttl, Group)
	g.Expect(ok).To(BeTrue())
	g.Expect(still.ID).To(Equal(id))
	_, ok = first.current(noon.Add(ttl/2), ttl, Group)
	g.Expect(ok).To(BeFalse(), "at half life")
	_, ok = first.current(noon, ttl, KubeadmGroup)
	g.Expect(ok).To(BeFalse(), "of another group")
	_, ok = first.current(noon.Add(MinTTL/2), MinTTL, Group)
	g.Expect(ok).To(BeFalse(), "at half of a shorter life that was set since")

	second, err := first.minted(noon.Add(ttl/2), ttl, Group)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second.epochs).To(HaveLen(2))
	g.Expect(second.epochs[0].Retired).To(Equal(noon.Add(ttl / 2)))
	g.Expect(second.living(noon.Add(ttl-1))).To(HaveLen(2), "the old one overlaps")
	g.Expect(second.living(noon.Add(ttl))).To(HaveLen(1))
	g.Expect(first.epochs[0].Retired.IsZero()).To(BeTrue(), "a state is not changed in place")

	revoked := second.revoked(id, noon.Add(ttl/2+time.Hour))
	g.Expect(revoked.living(noon.Add(ttl/2 + time.Hour))).To(HaveLen(1))
	g.Expect(revoked.epochs[0].Secret).To(BeEmpty())
	g.Expect(second.epochs[0].Secret).NotTo(BeEmpty())

	late, err := revoked.minted(noon.Add(ttl+memory), ttl, Group)
	g.Expect(err).NotTo(HaveOccurred())
	_, known := late.find(id)
	g.Expect(known).To(BeFalse(), "long after it expired it is forgotten")
}

func TestStateDoesNotShowSecrets(t *testing.T) {
	g := NewWithT(t)
	s, err := state{}.minted(noon, MinTTL, Group)
	g.Expect(err).NotTo(HaveOccurred())
	secret := s.epochs[0].Secret
	g.Expect(secret).To(HaveLen(16))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		g.Expect(fmt.Sprintf(verb, s.epochs)).NotTo(ContainSubstring(secret))
	}
}
