package main

import (
	"bytes"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow"
)

func TestParse(t *testing.T) {
	t.Setenv("KUBECONFIG", "/from/environment")
	for name, tc := range map[string]struct {
		args []string
		want OmegaMatcher
		err  OmegaMatcher
	}{
		"defaults":        {want: And(field(func(x options) any { return x.poll }, hollow.DefaultPoll), field(func(x options) any { return x.kubeconfig }, "/from/environment")), err: BeNil()},
		"all flags count": {args: []string{"--all", "--poll=1s", "--kubeconfig", "/k"}, want: And(field(func(x options) any { return x.all }, true), field(func(x options) any { return x.poll }, time.Second), field(func(x options) any { return x.kubeconfig }, "/k")), err: BeNil()},
		"stray argument":  {args: []string{"up"}, want: Not(BeNil()), err: MatchError(`unexpected argument "up"`)},
		"unknown flag":    {args: []string{"--pol"}, want: Not(BeNil()), err: HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			o, err := parse(tc.args, &bytes.Buffer{})
			g.Expect(err).To(tc.err)
			g.Expect(o).To(tc.want)
		})
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	NewWithT(t).Expect(run(t.Context(), nil, &bytes.Buffer{})).To(MatchError(ContainSubstring("AWS_REGION is not set")))
}

// field matches what get returns with want, a matcher or a value.
func field[T any](get func(T) any, want any) OmegaMatcher {
	matcher, ok := want.(OmegaMatcher)
	if !ok {
		matcher = Equal(want)
	}
	return WithTransform(get, matcher)
}
