package join_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/awslabs/operatorpkg/status"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cloudprovider"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/hypervisor"
	hollowkubelet "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// fleet is a world whose instances our CloudProvider launches in a pretended AWS, where a
// booter boots them. The wiring of providers is production's.
type fleet struct {
	*world
	api       *ec2.Client
	providers operator.Providers
	cloud     *cloudprovider.CloudProvider
	booter    *hollow.Booter
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	g := NewWithT(t)
	g.Expect(operator.TellCore()).To(Succeed())
	w := newWorld(t)
	account := awsfake.Start(t)
	f := &fleet{world: w, api: ec2.NewFromConfig(account.Config())}
	var err error
	f.providers, err = operator.NewProviders(account.Config(), operator.Kube{Config: w.config, Client: w.admin, Reader: w.admin}, &options.Options{
		ClusterName: clusterName, TokenDelivery: options.UserData, BootstrapTokenTTL: token.DefaultTTL, SystemNamespace: home, CSRApproval: options.Karpenter,
		VMMemoryOverheadPercent: 0.075,
	}, clock.RealClock{})
	g.Expect(err).NotTo(HaveOccurred())
	f.providers.Launcher.Begin(nil)
	g.Expect(f.providers.Types.Update(t.Context())).To(Succeed())
	f.cloud = cloudprovider.New(cloudprovider.Deps{
		Kube: w.admin, Recorder: w.journal, Clock: clock.RealClock{}, Types: f.providers.Offerings, Launcher: f.providers.Launcher,
		Inventory: f.providers.Inventory, Clusters: f.providers.Clusters, Tokens: f.providers.Tokens,
	}, cloudprovider.Config{Region: region})
	f.makeClass(t)

	w.stop()
	w.eyes, w.tokens = f.providers.Inventory, f.providers.Tokens
	w.keys.add(f.providers.Tokens)
	w.approve(t, w.config)
	f.boot(t, account)
	return f
}

// boot runs the booter until t ends.
func (f *fleet) boot(t *testing.T, account *awsfake.Server) {
	t.Helper()
	known, err := f.providers.Clusters.Get(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	f.booter = hollow.New(hollow.Config{
		EC2: f.api, Region: region, Hypervisor: hypervisor.New(account.URL, region),
		Machine: machine.Config{Kubernetes: "v" + known.Version.String(), Reachable: []string{cluster.Host(known.Endpoint)}},
		Kubelet: hollowkubelet.Options{LeaseInterval: 10 * time.Second},
	})
	ctx, cancel := context.WithCancel(log.IntoContext(context.WithoutCancel(t.Context()), logr.Discard()))
	done := make(chan error, 1)
	go func() { done <- f.booter.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		NewWithT(t).Eventually(done, patience).Should(Receive(BeNil()))
	})
}

// makeClass makes the class of all nodes, as if it had been checked.
func (f *fleet) makeClass(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	images, err := f.api.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Filters: []ec2types.Filter{
		{Name: aws.String("name"), Values: []string{"ubuntu/images/*24.04-amd64*"}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}},
	}})
	g.Expect(err).NotTo(HaveOccurred())
	subnets, err := f.api.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	groups, err := f.api.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	class := &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: v1.EC2NodeClassSpec{
		AMIFamily: aws.String(v1.AMIFamilyUbuntu), InstanceProfile: aws.String(awsfake.NodeProfile),
		AMISelectorTerms:           []v1.AMISelectorTerm{{ID: *images.Images[0].ImageId}},
		SubnetSelectorTerms:        []v1.SubnetSelectorTerm{{ID: *subnets.Subnets[0].SubnetId}},
		SecurityGroupSelectorTerms: []v1.SecurityGroupSelectorTerm{{ID: *groups.SecurityGroups[0].GroupId}},
	}}
	g.Expect(f.admin.Create(t.Context(), class)).To(Succeed())
	class.Status.InstanceProfile = awsfake.NodeProfile
	class.Status.AMIs = []v1.AMI{{ID: *images.Images[0].ImageId, Requirements: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"amd64"}},
	}}}
	for _, s := range subnets.Subnets {
		class.Status.Subnets = append(class.Status.Subnets, v1.Subnet{ID: *s.SubnetId, Zone: *s.AvailabilityZone, ZoneID: *s.AvailabilityZoneId})
	}
	class.Status.SecurityGroups = []v1.SecurityGroup{{ID: *groups.SecurityGroups[0].GroupId}}
	for _, condition := range class.StatusConditions().List() {
		if condition.Type != status.ConditionReady {
			class.StatusConditions().SetTrue(condition.Type)
		}
	}
	g.Expect(f.admin.Status().Update(t.Context(), class)).To(Succeed())
}

// join launches the n-th NodeClaim and waits until its node is there, as Karpenter's core does.
func (f *fleet) join(ctx context.Context, n int) error {
	claim := &karpv1.NodeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("claim-%04d", n), Labels: map[string]string{karpv1.NodePoolLabelKey: "default"}},
		Spec: karpv1.NodeClaimSpec{
			NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"},
			Requirements: []karpv1.NodeSelectorRequirementWithMinValues{
				{Key: corev1.LabelInstanceTypeStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"t3.large"}},
				{Key: karpv1.CapacityTypeLabelKey, Operator: corev1.NodeSelectorOpIn, Values: []string{karpv1.CapacityTypeOnDemand}},
			},
		},
	}
	if err := f.admin.Create(ctx, claim); err != nil {
		return fmt.Errorf("making a NodeClaim: %w", err)
	}
	launched, err := f.cloud.Create(ctx, claim)
	if err != nil {
		return fmt.Errorf("launching %s: %w", claim.Name, err)
	}
	claim.Status.ProviderID, claim.Status.ImageID = launched.Status.ProviderID, launched.Status.ImageID
	claim.StatusConditions(status.WithClock(clock.RealClock{})).SetTrue(karpv1.ConditionTypeLaunched)
	if err := f.admin.Status().Update(ctx, claim); err != nil {
		return fmt.Errorf("writing that %s is launched: %w", claim.Name, err)
	}
	return f.register(ctx, claim)
}

// register waits for claim's node and takes it for registered.
func (f *fleet) register(ctx context.Context, claim *karpv1.NodeClaim) error {
	id, err := instance.ParseProviderID(claim.Status.ProviderID)
	if err != nil {
		return err
	}
	found, err := f.providers.Inventory.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("looking up %s: %w", id, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, nodePatience, fmt.Errorf("%s, launched as %s, is no node after %s", claim.Name, id, nodePatience))
	defer cancel()
	for ctx.Err() == nil {
		var node corev1.Node
		if f.admin.Get(ctx, client.ObjectKey{Name: nodeOf(found)}, &node) == nil && node.Spec.ProviderID == claim.Status.ProviderID {
			return f.registered(ctx, claim, node.Name)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	console, _ := f.booter.Console(string(id))
	return fmt.Errorf("%w: %s", context.Cause(ctx), console)
}

// registered writes to the claim as it is now: the approver has written to it too.
func (f *fleet) registered(ctx context.Context, claim *karpv1.NodeClaim, node string) error {
	if err := f.admin.Get(ctx, client.ObjectKeyFromObject(claim), claim); err != nil {
		return err
	}
	claim.Status.NodeName = node
	claim.StatusConditions(status.WithClock(clock.RealClock{})).SetTrue(karpv1.ConditionTypeRegistered)
	return f.admin.Status().Update(ctx, claim)
}

var anyToken = regexp.MustCompile(`token: ([a-z0-9]{6})\.[a-z0-9]{16}`)

// templates counts the launch templates that there are by the token in their user data.
func (f *fleet) templates(t *testing.T) map[string]int {
	t.Helper()
	g := NewWithT(t)
	count := map[string]int{}
	for pages := ec2.NewDescribeLaunchTemplatesPaginator(f.api, &ec2.DescribeLaunchTemplatesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		for _, template := range page.LaunchTemplates {
			versions, err := f.api.DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{
				LaunchTemplateId: template.LaunchTemplateId, Versions: []string{"$Latest"},
			})
			g.Expect(err).NotTo(HaveOccurred())
			userData, err := base64.StdEncoding.DecodeString(aws.ToString(versions.LaunchTemplateVersions[0].LaunchTemplateData.UserData))
			g.Expect(err).NotTo(HaveOccurred())
			found := anyToken.FindSubmatch(userData)
			g.Expect(found).NotTo(BeNil())
			count[string(found[1])]++
		}
	}
	return count
}
