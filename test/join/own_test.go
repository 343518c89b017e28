package join_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	managerconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	tokencontroller "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// ownTokens is (j) and the end of the race where each instance has a token of its own: what a
// pod finds on a node that has joined is worth nothing, and a sibling's name is refused.
func (s *siege) ownTokens(t *testing.T) {
	t.Helper()
	account := s.account(t, map[string]string{controllerKey: "controller-instance-token-policy.json"})
	s.giveOwnTokens(t, account)
	mine, sibling := s.waitingForItsOwn(t), s.waitingForItsOwn(t)
	s.credentials(t, account, mine, "ASIAMINE000000000000")
	s.credentials(t, account, sibling, "ASIASIBLING000000000")
	token, err := s.tokens.OfInstance(t.Context(), mine.ID)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())

	t.Run("a sibling's name with an instance's own token", func(t *testing.T) {
		g := NewWithT(t)
		robber := s.waitingForItsOwn(t)
		own, err := s.tokens.OfInstance(t.Context(), robber.ID)
		g.Expect(err).NotTo(HaveOccurred())
		thief := s.holder(t, own)
		attack := request(t, clientWish(nodeOf(sibling)))
		g.Eventually(func() error { return thief.Create(t.Context(), attack) }, patience, 200*time.Millisecond).Should(Succeed(), "its token is made when it was launched")
		s.expectDenied(t, attack, "TokenOfAnother")
		s.expectDenied(t, ask(t, s.holder(t, s.stolen), clientWish(nodeOf(sibling))), "TokenOfAnother")
		g.Expect(s.expectApproved(t, ask(t, thief, clientWish(nodeOf(robber))))).To(Equal(approvedByUs), "the twin: its own name")
	})
	t.Run("(j) a pod on a node that has joined with its own token", func(t *testing.T) {
		g := NewWithT(t)
		spec := s.spec(t, "")
		spec.Token, spec.Parameter = join.Token{}, parameter.InstanceName(clusterName, join.InstanceID)
		var userData string
		m := boot(t, mine, spec, func(facts *machine.Facts, config *machine.Config) {
			userData = string(facts.UserData)
			facts.Role = &machine.Role{Name: nodeRole, AccessKeyID: "ASIAMINE000000000000", SecretAccessKey: "s/ecret+", SessionToken: "ses/sion+=="}
			config.AWS = account.URL
		})
		g.Expect(userData).NotTo(ContainSubstring(token.Secret))
		s.expectNode(t, m, mine)
		g.Eventually(m.Console.Text, patience).Should(And(ContainSubstring("phase=token result=ok"), ContainSubstring("phase=join result=ok")))
		g.Expect(m.Console.Text()).NotTo(ContainSubstring(token.Secret))
		g.Expect(holding(t, m, token.Secret)).To(BeEmpty())
		g.Expect(s.journal.text()).NotTo(ContainSubstring(token.Secret))

		secret := client.ObjectKey{Namespace: "kube-system", Name: "bootstrap-token-" + token.ID}
		g.Eventually(func(g Gomega) {
			g.Expect(account.SSM.Names(region)).NotTo(ContainElement(parameter.InstanceName(clusterName, mine.ID)))
			g.Expect(apierrors.IsNotFound(s.admin.Get(t.Context(), secret, &corev1.Secret{}))).To(BeTrue())
		}, patience, 200*time.Millisecond).Should(Succeed())
		pod, neighbour := ssm.NewFromConfig(account.ConfigFor("ASIAMINE000000000000", region)), ssm.NewFromConfig(account.ConfigFor("ASIASIBLING000000000", region))
		read := func(api *ssm.Client, of instance.Instance) error {
			_, err := api.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(parameter.InstanceName(clusterName, of.ID)), WithDecryption: aws.Bool(true)})
			return err
		}
		g.Expect(read(pod, mine)).To(HaveOccurred(), "what is gone has no owner")
		g.Expect(read(pod, sibling)).To(MatchError(ContainSubstring("AccessDenied")))
		g.Expect(read(neighbour, sibling)).To(Succeed(), "the twin: the instance whose it is")
	})
	t.Run("the renewal of a node that joined with its own token", func(t *testing.T) {
		node := s.user(t, "system:node:"+nodeOf(mine), "system:nodes")
		NewWithT(t).Expect(s.expectApproved(t, ask(t, node, clientWish(nodeOf(mine))))).To(Equal("AutoApproved"))
	})
}

const nodeRole = "KarpenterNodeRole-" + clusterName

// waitingForItsOwn is an instance that was launched now to join with a token of its own.
func (s *siege) waitingForItsOwn(t *testing.T) instance.Instance {
	t.Helper()
	i := s.waiting(t, nil)
	var claim karpv1.NodeClaim
	g := NewWithT(t)
	g.Expect(s.admin.Get(t.Context(), client.ObjectKey{Name: "claim-" + string(i.ID)}, &claim)).To(Succeed())
	before := claim.DeepCopy()
	claim.Annotations = map[string]string{v1.AnnotationTokenDelivery: v1.TokenDeliveryPerInstance}
	g.Expect(s.admin.Patch(t.Context(), &claim, client.MergeFrom(before))).To(Succeed())
	return i
}

// credentials has key be those that i's metadata service hands out.
func (s *siege) credentials(t *testing.T, account *awsfake.Server, i instance.Instance, key string) {
	t.Helper()
	account.Policy.SetPrincipal(key, policy.Principal{
		ARN:       "arn:aws:sts::" + awsfake.DefaultAccount + ":assumed-role/" + nodeRole + "/" + string(i.ID),
		Documents: []*policy.Document{policyOf(t, "node-instance-token-policy.json")},
		Keys:      wire.Keys{"ec2:SourceInstanceARN": {"arn:aws:ec2:" + region + ":" + awsfake.DefaultAccount + ":instance/" + string(i.ID)}},
	})
}

// giveOwnTokens runs what gives instances their tokens until t ends.
func (s *siege) giveOwnTokens(t *testing.T, account *awsfake.Server) {
	t.Helper()
	g := NewWithT(t)
	manager, err := controllerruntime.NewManager(s.config, controllerruntime.Options{
		Scheme: scheme.Scheme, Logger: s.journal.logger(), Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		Controller: managerconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	config := account.ConfigFor(controllerKey, region)
	parameters := parameter.NewInstances(ssm.NewFromConfig(config), sts.NewFromConfig(config), region, clusterName, clock.RealClock{})
	own := tokencontroller.NewInstances(manager.GetClient(), s.journal, s.tokens, parameters, clock.RealClock{})
	g.Expect(own.Register(t.Context(), manager)).To(Succeed())
	g.Expect(tokencontroller.NewSweep(manager.GetAPIReader(), own).Register(t.Context(), manager)).To(Succeed())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- manager.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		NewWithT(t).Eventually(done, time.Minute).Should(Receive(BeNil()))
	})
}
