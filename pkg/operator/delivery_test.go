package operator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

func TestTokensAreDeliveredAsTheOptionSays(t *testing.T) {
	for delivery, want := range map[string]OmegaMatcher{options.UserData: BeNil(), options.SSM: Not(BeNil())} {
		t.Run(delivery, func(t *testing.T) {
			g := NewWithT(t)
			o := &options.Options{ClusterName: "demo", TokenDelivery: delivery, BootstrapTokenTTL: token.DefaultTTL, SystemNamespace: "karpenter"}
			p, err := operator.NewProviders(aws.Config{Region: "ap-northeast-2"}, operator.Kube{Config: &rest.Config{Host: "https://127.0.0.1:1"}}, o, clock.RealClock{})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Delivery).To(want)
		})
	}
}
