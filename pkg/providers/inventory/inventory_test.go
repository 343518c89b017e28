package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	awsfakeec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const (
	ourUID   = "11111111-2222-3333-4444-555555555555"
	otherUID = "99999999-2222-3333-4444-555555555555"
)

// account is a pretended AWS account and the inventory of cluster "demo" in it.
type account struct {
	*awsfake.Server
	t         *testing.T
	api       *ec2.Client
	clock     *clocktesting.FakeClock
	clusters  *clusters
	inventory *inventory.Provider
}

func newAccount(t *testing.T) *account {
	t.Helper()
	clk := clocktesting.NewFakeClock(time.Now())
	a := &account{
		Server: awsfake.Start(t, func(o *awsfake.Options) { o.Clock = clk }), t: t, clock: clk,
		clusters: &clusters{cluster.Cluster{Name: "demo", UID: ourUID}, nil},
	}
	a.api = ec2.NewFromConfig(a.Config())
	a.inventory = inventory.New(inventory.Deps{API: a.api, Clusters: a.clusters, Clock: realTimers{clk}})
	return a
}

type clusters struct {
	is  cluster.Cluster
	err error
}

func (c *clusters) Get(context.Context) (cluster.Cluster, error) { return c.is, c.err }

// realTimers has the test's time, and timers that run by themselves, for merging.
type realTimers struct{ *clocktesting.FakeClock }

func (realTimers) AfterFunc(d time.Duration, f func()) clock.Timer {
	return clock.RealClock{}.AfterFunc(d, f)
}

// run starts n instances as Karpenter's of the cluster with this UID; "" is one that says
// of no cluster but by name.
func (a *account) run(n int, uid string) []instance.ID {
	a.t.Helper()
	g := NewWithT(a.t)
	tags := map[string]string{
		"karpenter.sh/nodepool": "workers", "karpenter.k8s.aws/ec2nodeclass": "default", "eks:eks-cluster-name": "demo",
	}
	if uid != "" {
		tags["karpenter.k8s.aws/cluster-uid"] = uid
	}
	return a.start(g, n, tags)
}

func (a *account) start(g *WithT, n int, tags map[string]string) []instance.ID {
	subnets, err := a.api.DescribeSubnets(a.t.Context(), &ec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	return a.startIn(g, *subnets.Subnets[0].SubnetId, n, tags)
}

func (a *account) startIn(g *WithT, subnet string, n int, tags map[string]string) []instance.ID {
	images, err := a.api.DescribeImages(a.t.Context(), &ec2.DescribeImagesInput{
		Filters: []ec2types.Filter{{Name: awssdk.String("architecture"), Values: []string{"x86_64"}}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	spec := ec2types.TagSpecification{ResourceType: ec2types.ResourceTypeInstance}
	for key, value := range tags {
		spec.Tags = append(spec.Tags, ec2types.Tag{Key: awssdk.String(key), Value: awssdk.String(value)})
	}
	out, err := a.api.RunInstances(a.t.Context(), &ec2.RunInstancesInput{
		MinCount: awssdk.Int32(int32(n)), MaxCount: awssdk.Int32(int32(n)), InstanceType: "t3.medium",
		ImageId: images.Images[0].ImageId, SubnetId: &subnet, TagSpecifications: []ec2types.TagSpecification{spec},
	})
	g.Expect(err).NotTo(HaveOccurred())
	var ids []instance.ID
	for _, i := range out.Instances {
		ids = append(ids, instance.ID(*i.InstanceId))
	}
	return ids
}

// states are those that EC2 really has.
func (a *account) states() map[instance.ID]instance.State {
	a.t.Helper()
	all, err := a.EC2.Instances(a.Region())
	NewWithT(a.t).Expect(err).NotTo(HaveOccurred())
	out := map[instance.ID]instance.State{}
	for _, i := range all {
		out[instance.ID(i.ID)] = instance.State(i.State)
	}
	return out
}

func ids(instances []instance.Instance) []instance.ID {
	var out []instance.ID
	for _, i := range instances {
		out = append(out, i.ID)
	}
	return out
}

// A subnet that gives public addresses is how a node gets one without asking.
func TestGetReadsPublicAddressAndName(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	subnet, err := a.EC2.AddSubnet(a.Region(), awsfakeec2.Subnet{Zone: a.Region() + "a", CIDR: "10.0.201.0/24", PublicIP: true})
	g.Expect(err).NotTo(HaveOccurred())
	id := a.startIn(g, subnet, 1, nil)[0]
	got, err := a.inventory.Get(t.Context(), id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.PublicIPs).To(HaveLen(1))
	g.Expect(got.PublicIPs).NotTo(ContainElement(got.PrivateIP))
	g.Expect(got.Addresses()).NotTo(ContainElement(got.PublicIPs[0]), "nodes are named by private addresses only")
	g.Expect(got.PublicName).To(Equal("ec2-" + strings.ReplaceAll(got.PublicIPs[0].String(), ".", "-") + "." + a.Region() + ".compute.amazonaws.com"))
}

func TestGetReadsWhatNodesAndDriftAreJudgedBy(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	id := a.run(1, ourUID)[0]
	got, err := a.inventory.Get(t.Context(), id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Pool.InstanceType).To(Equal("t3.medium"))
	g.Expect(got.Pool.CapacityType).To(Equal("on-demand"))
	g.Expect(got.Pool.Zone).To(HavePrefix(a.Region()))
	g.Expect(got.PrivateIP.Is4()).To(BeTrue())
	g.Expect(got.PrivateIPs).To(ContainElement(got.PrivateIP))
	g.Expect(got.PublicIPs).To(BeEmpty())
	g.Expect(got.PublicName).To(BeEmpty())
	g.Expect(got.SubnetID).To(HavePrefix("subnet-"))
	g.Expect(got.SecurityGroupIDs).NotTo(BeEmpty())
	g.Expect(got.ImageID).To(HavePrefix("ami-"))
	g.Expect(got.Tenancy).To(Equal("default"))
	g.Expect(got.Launched).To(BeTemporally("~", a.clock.Now(), time.Minute))
	g.Expect(got.Tags).To(HaveKeyWithValue("karpenter.k8s.aws/cluster-uid", ourUID))
}

func TestAnInstanceThatIsNotThereIsNotFound(t *testing.T) {
	for name, prepare := range map[string]func(*account) instance.ID{
		"EC2 never knew it": func(*account) instance.ID { return "i-0123456789abcdef0" },
		"it is terminated": func(a *account) instance.ID {
			id := a.run(1, ourUID)[0]
			NewWithT(a.t).Expect(a.EC2.Terminate(a.Region(), string(id))).To(Succeed())
			return id
		},
		"EC2 does not show it yet": func(a *account) instance.ID {
			a.EC2.SetDelays(awsfakeec2.Delays{Visible: time.Hour})
			return a.run(1, ourUID)[0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, a := NewWithT(t), newAccount(t)
			id := prepare(a)
			_, err := a.inventory.Get(t.Context(), id)
			g.Expect(err).To(MatchError(instance.ErrNotFound))
			g.Expect(a.inventory.Terminate(t.Context(), id)).To(MatchError(instance.ErrNotFound))
		})
	}
}

func TestATroubledAnswerIsNotAnAbsence(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	id := a.run(1, ourUID)[0]
	a.Inject(wire.Fault{Action: "DescribeInstances", Times: -1, Answer: wire.Errorf("UnauthorizedOperation", "no")})
	_, err := a.inventory.Get(t.Context(), id)
	g.Expect(err).To(HaveOccurred())
	g.Expect(errors.Is(err, instance.ErrNotFound)).To(BeFalse())
}

func TestManyGetsAreFewCallsAndOneUnknownIDSpoilsNone(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	known := a.run(60, ourUID)
	var all sync.WaitGroup
	for n, id := range append(known, "i-0123456789abcdef0") {
		all.Go(func() {
			got, err := a.inventory.Get(t.Context(), id)
			if n == len(known) {
				if !errors.Is(err, instance.ErrNotFound) {
					t.Errorf("the unknown id got %v", err)
				}
			} else if err != nil || got.ID != id {
				t.Errorf("%s got %s, %v", id, got.ID, err)
			}
		})
	}
	all.Wait()
	g.Expect(a.Calls("DescribeInstances")).To(BeNumerically("<", 10))
}

func TestListIsOursAndForeignIsAnothers(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	ours, untagged, theirs := a.run(2, ourUID), a.run(1, ""), a.run(1, otherUID)
	a.start(g, 1, map[string]string{"Name": "somebody's own"})

	list, err := a.inventory.List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(list)).To(ConsistOf(append(ours, untagged...)))
	foreign, err := a.inventory.Foreign(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(foreign)).To(ConsistOf(theirs))
	launches, err := a.inventory.Launches(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(launches)).To(ConsistOf(ours))
	g.Expect(a.Calls("DescribeInstances")).To(Equal(2), "List and Foreign share one")
}

func TestListForgetsAndLaunchesRemembersTheDead(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	all := a.run(2, ourUID)
	g.Expect(a.EC2.Terminate(a.Region(), string(all[0]))).To(Succeed())
	list, err := a.inventory.List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(list)).To(ConsistOf(all[1]))
	launches, err := a.inventory.Launches(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(launches)).To(ConsistOf(all))
}

func TestASweepReadsEveryPageAndIsSharedForSeconds(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	for range 3 {
		a.run(400, ourUID)
	}
	for range 5 {
		list, err := a.inventory.List(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(list).To(HaveLen(1200))
	}
	g.Expect(a.Calls("DescribeInstances")).To(Equal(2), "two pages, once")
	a.clock.Step(3 * time.Second)
	_, err := a.inventory.List(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Calls("DescribeInstances")).To(Equal(4))
}

func TestTerminateIsIdempotent(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	a.EC2.SetDelays(awsfakeec2.Delays{ShuttingDown: time.Minute})
	id := a.run(1, ourUID)[0]
	g.Expect(a.inventory.Terminate(t.Context(), id)).To(Succeed())
	g.Expect(a.inventory.Terminate(t.Context(), id)).To(Succeed())
	g.Expect(a.Calls("TerminateInstances")).To(Equal(1))
	g.Expect(a.states()).To(HaveKeyWithValue(id, instance.StateShuttingDown))
	a.clock.Step(2 * time.Minute)
	g.Expect(a.inventory.Terminate(t.Context(), id)).To(MatchError(instance.ErrNotFound))
}

func TestNothingOfAnotherClusterIsTouched(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	id := a.run(1, otherUID)[0]
	var foreign *inventory.ForeignError
	for name, err := range map[string]error{
		"terminate": a.inventory.Terminate(t.Context(), id),
		"reboot":    a.inventory.Reboot(t.Context(), id),
		"tag":       a.inventory.Tag(t.Context(), id, map[string]string{"Name": "x"}),
	} {
		g.Expect(errors.As(err, &foreign)).To(BeTrue(), "%s: %v", name, err)
	}
	g.Expect(foreign.UID).To(Equal(otherUID))
	g.Expect(a.states()[id].Gone()).To(BeFalse())
}

func TestAnInstanceThatNamesNoClusterIsOursToEnd(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	id := a.run(1, "")[0]
	g.Expect(a.inventory.Terminate(t.Context(), id)).To(Succeed(), "the AWS provider launched it, and a NodeClaim has it")
	g.Expect(a.states()[id].Gone()).To(BeTrue())
}

func TestNothingIsEndedWithoutKnowingWhichClusterThisIs(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	id := a.run(1, ourUID)[0]
	for name, is := range map[string]*clusters{
		"it cannot be read": {err: errors.New("the API server is away")},
		"it has no UID":     {is: cluster.Cluster{Name: "demo"}},
	} {
		*a.clusters = *is
		g.Expect(a.inventory.Terminate(t.Context(), id)).NotTo(Succeed(), name)
	}
	g.Expect(a.states()[id].Gone()).To(BeFalse())
}

func TestManyTerminationsAreFewCallsAndOneThatVanishedSpoilsNone(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	all := a.run(40, ourUID)
	// One of them is unknown by the time that it is terminated, though it was there a moment ago.
	a.Inject(wire.Fault{Action: "TerminateInstances", Times: 3, Answer: wire.Errorf("InvalidInstanceID.NotFound", "it vanished")})
	var group sync.WaitGroup
	for _, id := range all {
		group.Go(func() {
			if err := a.inventory.Terminate(t.Context(), id); err != nil && !errors.Is(err, instance.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	ended := 0
	for _, state := range a.states() {
		if state.Gone() {
			ended++
		}
	}
	g.Expect(ended).To(BeNumerically(">=", len(all)-2))
	g.Expect(a.Calls("TerminateInstances")).To(BeNumerically("<", 12))
}

func TestTagSetsOnlyWhatPoliciesAllowAfterLaunch(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	id := a.run(1, ourUID)[0]
	g.Expect(a.inventory.Tag(t.Context(), id, map[string]string{"Name": "node", "karpenter.sh/nodeclaim": "c", "eks:eks-cluster-name": "demo"})).To(Succeed())
	got, err := a.inventory.Get(t.Context(), id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Tags).To(And(HaveKeyWithValue("Name", "node"), HaveKeyWithValue("karpenter.sh/nodeclaim", "c")))

	err = a.inventory.Tag(t.Context(), id, map[string]string{"Name": "node", "team": "ours"})
	g.Expect(err).To(MatchError(ContainSubstring("team may not be set after launch")))
	g.Expect(a.Calls("CreateTags")).To(Equal(1))
}

func TestRebootTellsWhatNoRetryHelps(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	id := a.run(1, ourUID)[0]
	g.Expect(a.inventory.Reboot(t.Context(), id)).To(Succeed())
	a.Inject(wire.Fault{Action: "RebootInstances", Answer: wire.Errorf("UnauthorizedOperation", "no")})
	err := a.inventory.Reboot(t.Context(), id)
	var refused *inventory.RefusedError
	g.Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
	g.Expect(a.inventory.Reboot(t.Context(), instance.ID(fmt.Sprintf("i-%017x", 1)))).To(MatchError(instance.ErrNotFound))
}
