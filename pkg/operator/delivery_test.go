package operator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

func TestTokensAreDeliveredAsTheOptionsSay(t *testing.T) {
	for name, tc := range map[string]struct {
		change        func(*options.Options)
		delivery, own OmegaMatcher
	}{
		"in user data":                {func(*options.Options) {}, BeNil(), BeNil()},
		"from one parameter":          {func(o *options.Options) { o.TokenDelivery = options.SSM }, BeAssignableToTypeOf(&parameter.Provider{}), BeNil()},
		"from one for each instance":  {func(o *options.Options) { o.TokenDelivery = options.SSMPerInstance }, BeNil(), Not(BeNil())},
		"from the user's, through us": {func(o *options.Options) { o.BootstrapTokenParameter = "/mine" }, BeNil(), BeNil()},
		"from the user's itself": {func(o *options.Options) {
			o.TokenDelivery, o.BootstrapTokenParameter = options.SSM, "/mine"
		}, BeAssignableToTypeOf(&parameter.Given{}), BeNil()},
		"from one parameter, where the file's token is put": {func(o *options.Options) {
			o.TokenDelivery, o.BootstrapTokenFile = options.SSM, "/mine"
		}, BeAssignableToTypeOf(&parameter.Provider{}), BeNil()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			o := &options.Options{ClusterName: "demo", TokenDelivery: options.UserData, BootstrapTokenTTL: token.DefaultTTL, SystemNamespace: "karpenter"}
			tc.change(o)
			p, err := operator.NewProviders(aws.Config{Region: "ap-northeast-2"}, operator.Kube{Config: &rest.Config{Host: "https://127.0.0.1:1"}}, o, clock.RealClock{})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Delivery).To(tc.delivery)
			g.Expect(p.Own).To(tc.own)
		})
	}
}
