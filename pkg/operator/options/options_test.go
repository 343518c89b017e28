package options_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
)

func TestReadTakesTheAWSProvidersNames(t *testing.T) {
	g := NewWithT(t)
	for name, value := range map[string]string{
		"CLUSTER_NAME": "one", "CLUSTER_ENDPOINT": "https://api.example.com:6443", "ISOLATED_VPC": "true",
		"VM_MEMORY_OVERHEAD_PERCENT": "0.05", "RESERVED_ENIS": "1", "SUBNET_REFRESH_INTERVAL": "5m",
		"AWS_FEATURE_GATES": "RebootForRepair=true,SomethingNewer=true", "INTERRUPTION_QUEUE": "q",
	} {
		t.Setenv(name, value)
	}
	_, o, err := options.Read(nil, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.ClusterName).To(Equal("one"))
	g.Expect(o.ClusterEndpoint).To(Equal("https://api.example.com:6443"))
	g.Expect(o.IsolatedVPC).To(BeTrue())
	g.Expect(o.VMMemoryOverheadPercent).To(Equal(0.05))
	g.Expect(o.ReservedENIs).To(Equal(1))
	g.Expect(o.SubnetRefreshInterval).To(Equal(5 * time.Minute))
	g.Expect(o.AMIRefreshInterval).To(Equal(time.Minute), "the AWS provider's default")
	g.Expect(o.Gates).To(Equal(options.Gates{RebootForRepair: true}))
	g.Expect(o.InterruptionQueue).To(Equal("q"))
}

func TestAFlagWinsOverItsVariable(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("CLUSTER_NAME", "from-environment")
	core, o, err := options.Read([]string{"--cluster-name=from-flag", "--batch-idle-duration=2s"}, io.Discard)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(o.ClusterName).To(Equal("from-flag"))
	g.Expect(core.BatchIdleDuration).To(Equal(2 * time.Second))
}

func TestReadReportsEveryFaultAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args []string
		want []string
	}{
		"nothing is set": {want: []string{`--cluster-name (CLUSTER_NAME) must be set, not ""`}},
		"several values are wrong": {
			env: map[string]string{"CLUSTER_ENDPOINT": "api.example.com", "BOOTSTRAP_MODE": "kops", "BOOTSTRAP_TOKEN_TTL": "5m", "TOKEN_DELIVERY": "Mail"},
			want: []string{
				"--cluster-name (CLUSTER_NAME)",
				`--cluster-endpoint (CLUSTER_ENDPOINT) must be a URL with scheme and host, for example https://api.example.com:6443, not "api.example.com"`,
				`--bootstrap-mode (BOOTSTRAP_MODE) must be one of auto, kubeadm, eks, not "kops"`,
				`--token-delivery (TOKEN_DELIVERY) must be one of UserData, SSM, SSMPerInstance, not "Mail"`,
				`--bootstrap-token-ttl (BOOTSTRAP_TOKEN_TTL) must be at least 1h0m0s, not "5m0s"`,
			},
		},
		"a variable is no duration, which would else be taken for the default": {
			env:  map[string]string{"CLUSTER_NAME": "one", "AMI_REFRESH_INTERVAL": "often"},
			want: []string{`AMI_REFRESH_INTERVAL="often"`},
		},
		"two tokens of the user's": {
			env:  map[string]string{"CLUSTER_NAME": "one", "BOOTSTRAP_TOKEN_FILE": "/token", "BOOTSTRAP_TOKEN_PARAMETER": "/token"},
			want: []string{"--bootstrap-token-parameter (BOOTSTRAP_TOKEN_PARAMETER) must be empty where bootstrap-token-file is set"},
		},
		"one token of the user's for each instance": {
			env:  map[string]string{"CLUSTER_NAME": "one", "BOOTSTRAP_TOKEN_FILE": "/token", "TOKEN_DELIVERY": "SSMPerInstance"},
			want: []string{"--token-delivery (TOKEN_DELIVERY) must be UserData or SSM with a bootstrap token of yours"},
		},
		"a variable is no number":  {env: map[string]string{"CLUSTER_NAME": "one", "RESERVED_ENIS": "two"}, want: []string{`RESERVED_ENIS="two"`}},
		"a gate is no boolean":     {env: map[string]string{"CLUSTER_NAME": "one", "AWS_FEATURE_GATES": "DRAEFA=perhaps"}, want: []string{"--aws-feature-gates (AWS_FEATURE_GATES)"}},
		"a flag does not exist":    {args: []string{"--cluster-nam=one"}, want: []string{"command line: flag provided but not defined: -cluster-nam"}},
		"core's options are wrong": {env: map[string]string{"CLUSTER_NAME": "one", "PREFERENCE_POLICY": "Perhaps"}, want: []string{"Perhaps"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			_, _, err := options.Read(tc.args, io.Discard)
			g.Expect(err).To(HaveOccurred())
			for _, part := range tc.want {
				g.Expect(err.Error()).To(ContainSubstring(part))
			}
		})
	}
}

func TestHelpListsEveryFlag(t *testing.T) {
	g := NewWithT(t)
	var help strings.Builder
	_, _, err := options.Read([]string{"--help"}, &help)
	g.Expect(err).To(MatchError(options.ErrHelp))
	for _, flag := range []string{"-cluster-name", "-bootstrap-mode", "-adopt-untagged", "-batch-max-duration"} {
		g.Expect(help.String()).To(ContainSubstring(flag))
	}
}

func TestGatesThatHaveNoEffectAreNamed(t *testing.T) {
	g := NewWithT(t)
	g.Expect(options.Gates{DRAEFA: true, RebootForRepair: true}.Unsupported()).To(Equal([]string{"DRAEFA"}))
	g.Expect(options.Gates{}.Unsupported()).To(BeEmpty())
}

func TestMain(m *testing.M) {
	// What the machine that runs the tests has set is not what they are about.
	for _, name := range []string{"CLUSTER_NAME", "CLUSTER_ENDPOINT", "BOOTSTRAP_MODE", "AWS_FEATURE_GATES"} {
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
