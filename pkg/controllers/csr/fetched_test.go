package csr

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

func TestAFetchedTokenMayBeNewerThanTheLaunch(t *testing.T) {
	for name, tc := range map[string]struct {
		fetched  bool
		change   func(*token.Epoch)
		decision decision
	}{
		"fetched, current at the launch":           {true, func(*token.Epoch) {}, approve},
		"fetched, made after the launch":           {true, func(e *token.Epoch) { e.Created = noon.Add(40 * time.Second) }, approve},
		"fetched, retired since the launch":        {true, func(e *token.Epoch) { e.Retired = noon.Add(30 * time.Second) }, approve},
		"fetched, retired before the launch":       {true, func(e *token.Epoch) { e.Retired = noon.Add(-token.LaunchGrace - 2*time.Minute) }, deny},
		"fetched, revoked before it was asked":     {true, func(e *token.Epoch) { e.Revoked = noon.Add(-time.Minute) }, deny},
		"launched with, made long after it":        {false, func(e *token.Epoch) { e.Created = noon.Add(5 * time.Minute) }, deny},
		"fetched, made after it was asked for":     {true, func(e *token.Epoch) { e.Created = noon.Add(5 * time.Minute) }, deny},
		"launched with, retired since the launch":  {false, func(e *token.Epoch) { e.Retired = noon.Add(30 * time.Second) }, approve},
		"launched with, retired before the launch": {false, func(e *token.Epoch) { e.Retired = noon.Add(-token.LaunchGrace - 2*time.Minute) }, deny},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := judge(joining(func(f *clientFacts) {
				f.fetched = tc.fetched
				tc.change(&f.epoch)
			}), clientRules)
			g.Expect(got.decision).To(Equal(tc.decision), got.message)
			if tc.decision == deny {
				g.Expect(got.reason).To(Equal("OtherToken"))
			}
		})
	}
}
