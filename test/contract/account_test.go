package contract_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/samber/lo"
	"k8s.io/utils/clock"

	steadyaws "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
)

const (
	// runTag is on everything that a run makes, with the run's name.
	runTag = "karpenter.sh/contract-run"
	// small and large are types that every region offers, and that cost little.
	small, large = "t3.medium", "m5.large"
	// arm is a type that images for x86 do not run on.
	arm = "m6g.large"
	// publicImage names Amazon's newest image for x86.
	publicImage = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
)

// account is an endpoint, with what all contracts share.
type account struct {
	cfg     aws.Config
	ec2     *ec2.Client
	iam     *iam.Client
	pricing *pricing.Client
	sqs     *sqs.Client
	ssm     *ssm.Client
	sts     *sts.Client

	run     string        // name of this run
	settled time.Duration // how long the endpoint may take to show what was done
	made    atomic.Int64
	vpc     string
	subnets []ec2types.Subnet // two, in different zones that offer small and large
	group   string            // a security group
	image   string            // for x86
	profile string
}

// open reaches the endpoint at url as the controller does, by environment, and makes what contracts share.
// What is done shows within settled.
func open(t *testing.T, url string, settled time.Duration) *account {
	t.Helper()
	g, ctx := NewWithT(t), t.Context()
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL":      url,
		"AWS_REGION":            cmp.Or(os.Getenv("AWS_REGION"), awsfake.DefaultRegion),
		"AWS_ACCESS_KEY_ID":     cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), awsfake.AccessKey),
		"AWS_SECRET_ACCESS_KEY": cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "secret"),
		// An emulator's server fault does not pass by waiting.
		"AWS_MAX_ATTEMPTS": cmp.Or(os.Getenv("AWS_MAX_ATTEMPTS"), "1"),
	} {
		t.Setenv(key, value)
	}
	cfg, err := steadyaws.Load(ctx, "contract", prometheus.NewRegistry())
	g.Expect(err).NotTo(HaveOccurred())
	a := &account{
		cfg: cfg, ec2: ec2.NewFromConfig(cfg), iam: iam.NewFromConfig(cfg), sqs: sqs.NewFromConfig(cfg), ssm: ssm.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg),
		pricing: pricing.NewFromConfig(cfg, func(o *pricing.Options) { o.Region = offering.PricingRegion(cfg.Region) }),
		settled: settled,
		run:     fmt.Sprintf("c%x", clock.RealClock{}.Now().UnixMilli()),
	}
	a.settle(ctx, g)
	return a
}

// settle makes what contracts share.
func (a *account) settle(ctx context.Context, g Gomega) {
	a.vpc = a.newVpc(ctx, g, "10.40.0.0/16")
	for n, zone := range a.zones(ctx, g) {
		a.subnets = append(a.subnets, a.newSubnet(ctx, g, a.vpc, zone, fmt.Sprintf("10.40.%d.0/24", n)))
	}
	a.group = a.newGroup(ctx, g, a.vpc, a.name("nodes"))
	image, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(publicImage)})
	g.Expect(err).NotTo(HaveOccurred())
	a.image = *image.Parameter.Value
	a.profile = a.name("profile")
	a.newProfile(ctx, g, a.profile, a.newRole(ctx, g))
}

// zones are two that offer both types.
func (a *account) zones(ctx context.Context, g Gomega) []string {
	offered := map[string][]string{}
	out, err := a.ec2.DescribeInstanceTypeOfferings(ctx, &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: ec2types.LocationTypeAvailabilityZone, Filters: where("instance-type", small, large, arm),
	})
	g.Expect(err).NotTo(HaveOccurred())
	for _, o := range out.InstanceTypeOfferings {
		offered[*o.Location] = append(offered[*o.Location], string(o.InstanceType))
	}
	zones := lo.Keys(lo.PickBy(offered, func(_ string, types []string) bool { return len(types) == 3 }))
	g.Expect(len(zones)).To(BeNumerically(">=", 2), "zones that offer all of %s, %s, %s", small, large, arm)
	slices.Sort(zones)
	return zones[:2]
}

// end ends what costs something. It says what it could not end: moto has instances of failed launches that
// cannot be.
func (a *account) end(ctx context.Context, t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	for _, i := range a.instances(ctx, g, where("tag:"+runTag, a.run)...) {
		if gone(i) {
			continue
		}
		if _, err := a.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{*i.InstanceId}}); err != nil {
			t.Logf("instance %s is left behind: %v", *i.InstanceId, err)
		}
	}
	for pages := ec2.NewDescribeLaunchTemplatesPaginator(a.ec2, &ec2.DescribeLaunchTemplatesInput{Filters: where("tag:"+runTag, a.run)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		for _, template := range page.LaunchTemplates {
			_, err := a.ec2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: template.LaunchTemplateId})
			g.Expect(err).NotTo(HaveOccurred())
		}
	}
}

// name returns one that nothing else bears.
func (a *account) name(of string) string {
	return fmt.Sprintf("%s-%s-%d", a.run, of, a.made.Add(1))
}

// now is the time that the endpoint's is compared with.
func (a *account) now() time.Time { return clock.RealClock{}.Now() }

// tags are those of the run, and more as key and value in turn.
func (a *account) tags(more ...string) []ec2types.Tag {
	out := []ec2types.Tag{{Key: aws.String(runTag), Value: aws.String(a.run)}}
	for pair := range slices.Chunk(more, 2) {
		out = append(out, ec2types.Tag{Key: aws.String(pair[0]), Value: aws.String(pair[1])})
	}
	return out
}

// tagging is what a creation says of tags.
func (a *account) tagging(kind ec2types.ResourceType, more ...string) []ec2types.TagSpecification {
	return []ec2types.TagSpecification{{ResourceType: kind, Tags: a.tags(more...)}}
}

// where is one filter.
func where(name string, values ...string) []ec2types.Filter {
	return []ec2types.Filter{{Name: aws.String(name), Values: values}}
}

// tagMap drops those that AWS itself adds.
func tagMap(tags []ec2types.Tag) map[string]string {
	return lo.PickBy(lo.SliceToMap(tags, func(t ec2types.Tag) (string, string) { return *t.Key, aws.ToString(t.Value) }),
		func(key, _ string) bool { return len(key) < 4 || key[:4] != "aws:" })
}

// code is a matcher of an error with this code of AWS's.
func code(want string) OmegaMatcher {
	return WithTransform(func(err error) string {
		if err == nil {
			return "no error"
		}
		return cmp.Or(steadyaws.Code(err), err.Error())
	}, Equal(want))
}
