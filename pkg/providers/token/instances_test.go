package token

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstraputil "k8s.io/cluster-bootstrap/token/util"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
)

func TestDerivedTokensAreTokensAndDiffer(t *testing.T) {
	g := NewWithT(t)
	key, other := make([]byte, masterBytes), make([]byte, masterBytes)
	other[0] = 1
	seen, digits := map[string]bool{}, map[rune]int{}
	for n := range 2000 {
		one := derive(key, instance.ID(fmt.Sprintf("i-%017x", n)))
		g.Expect(bootstraputil.IsValidBootstrapToken(one.Value())).To(BeTrue())
		seen[one.Secret] = true
		for _, digit := range one.Secret {
			digits[digit]++
		}
	}
	g.Expect(seen).To(HaveLen(2000))
	g.Expect(digits).To(HaveLen(36))
	for digit, count := range digits {
		g.Expect(count).To(BeNumerically("~", 2000*secretLength/36, 200), string(digit)) // six standard deviations
	}
	g.Expect(derive(key, "i-0a")).To(Equal(derive(key, "i-0a")))
	g.Expect(derive(other, "i-0a").ID).NotTo(Equal(derive(key, "i-0a").ID))
}

func TestEachInstanceHasATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	admin, config := bootstrapping(t)
	clock := clocktesting.NewFakeClock(time.Now())
	g := NewWithT(t)
	p, err := New(config, Options{Namespace: home, PerInstance: true}, clock)
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() error { _, err := p.OfInstance(t.Context(), "i-0a"); return err }).WithTimeout(20 * time.Second).Should(Succeed())
	mine, err := p.OfInstance(t.Context(), "i-0a")
	g.Expect(err).NotTo(HaveOccurred())
	mine.Expires = clock.Now().Add(Outlives).Truncate(time.Second)
	secrets := admin.CoreV1().Secrets("kube-system")
	name := "bootstrap-token-" + mine.ID

	t.Run("every process derives the same", func(t *testing.T) {
		g := NewWithT(t)
		other, err := New(config, Options{Namespace: home}, clock)
		g.Expect(err).NotTo(HaveOccurred())
		same, err := other.OfInstance(t.Context(), "i-0a")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(same.Value()).To(Equal(mine.Value()))
	})
	t.Run("it is kept, and made again when somebody deletes it", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(p.Keep(t.Context(), "i-0a", mine)).To(Succeed())
		secret, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(secret.Data).To(And(
			HaveKeyWithValue("auth-extra-groups", []byte(Group)),
			HaveKeyWithValue("expiration", []byte(mine.Expires.UTC().Format(time.RFC3339))),
			HaveKeyWithValue("description", ContainSubstring("Instance i-0a")),
		))
		g.Expect(secrets.Delete(t.Context(), name, metav1.DeleteOptions{})).To(Succeed())
		g.Eventually(func() (bool, error) { _, known, err := p.groups(t.Context(), mine); return known, err }).WithTimeout(20 * time.Second).Should(BeFalse())
		g.Expect(p.Keep(t.Context(), "i-0a", mine)).To(Succeed())
		g.Expect(secrets.Get(t.Context(), name, metav1.GetOptions{})).Error().NotTo(HaveOccurred())
	})
	t.Run("it ends, once and twice", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(p.End(t.Context(), "i-0a")).To(Succeed())
		g.Expect(p.End(t.Context(), "i-0a")).To(Succeed())
		_, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue())
	})
	t.Run("no shared token is made, and one from before is retired and kept until it is spent", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(p.Maintain(t.Context())).To(Succeed())
		g.Expect(p.Epochs(t.Context())).To(BeEmpty())
		before, err := provider(t, config, clock).Current(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(p.Maintain(t.Context())).To(Succeed())
		g.Expect(p.Epochs(t.Context())).To(ConsistOf(And(HaveField("ID", before.ID), HaveField("Retired", Not(BeZero())))))
		g.Expect(secrets.Get(t.Context(), "bootstrap-token-"+before.ID, metav1.GetOptions{})).Error().NotTo(HaveOccurred())
		g.Expect(p.OfInstance(t.Context(), "i-0a")).To(HaveField("Secret", mine.Secret), "what tokens derive from stays")
	})
}
