package cloudprovider

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func launchedInstance() instance.Instance {
	return instance.Instance{
		ID: "i-0abc", Pool: pool.Pool{InstanceType: "t3.small", Zone: zoneA, CapacityType: onDemand}, ZoneID: "apne2-az1",
		ImageID: "ami-1", State: instance.StatePending, PrivateIP: netip.MustParseAddr("10.0.1.2"), Tenancy: "default",
		Tags: map[string]string{v1.NodePoolTagKey: "workers"},
	}
}

func TestToNodeClaim(t *testing.T) {
	it := typeOf("t3.small", 2, offer(zoneA, onDemand, 0.02))
	it.Capacity[v1.ResourceEFA] = resource.MustParse("1")
	it.Capacity[v1.ResourceNVIDIAGPU] = resource.MustParse("0")

	t.Run("with its type it has everything that core copies", func(t *testing.T) {
		g := NewWithT(t)
		claim := toNodeClaim(launchedInstance(), it, now)
		g.Expect(claim.Status.ProviderID).To(Equal("aws:///" + zoneA + "/i-0abc"))
		g.Expect(claim.Status.ImageID).To(Equal("ami-1"))
		g.Expect(claim.Labels).To(And(
			HaveKeyWithValue(corev1.LabelInstanceTypeStable, "t3.small"), HaveKeyWithValue(corev1.LabelArchStable, "amd64"),
			HaveKeyWithValue(corev1.LabelTopologyZone, zoneA), HaveKeyWithValue(v1.LabelTopologyZoneID, "apne2-az1"),
			HaveKeyWithValue(karpv1.CapacityTypeLabelKey, onDemand), HaveKeyWithValue(v1.LabelInstanceTenancy, "default"),
			HaveKeyWithValue(karpv1.NodePoolLabelKey, "workers"),
			Not(HaveKey(v1.LabelCapacityReservationID)),
		))
		g.Expect(claim.Status.Capacity.Cpu().Value()).To(Equal(int64(2)))
		g.Expect(claim.Status.Allocatable.Memory().Value()).To(Equal(int64(4 << 30)))
		g.Expect(claim.Status.Capacity).NotTo(HaveKey(v1.ResourceEFA), "it was given none")
		g.Expect(claim.Status.Capacity).NotTo(HaveKey(v1.ResourceNVIDIAGPU), "zero is nothing")
		g.Expect(claim.DeletionTimestamp).To(BeNil())
	})
	t.Run("with an adapter it advertises it", func(t *testing.T) {
		i := launchedInstance()
		i.EFA = true
		NewWithT(t).Expect(toNodeClaim(i, it, now).Status.Capacity).To(HaveKey(v1.ResourceEFA))
	})
	t.Run("without its type it has what EC2 says", func(t *testing.T) {
		g := NewWithT(t)
		i := launchedInstance()
		i.State, i.Launched = instance.StateShuttingDown, now.Add(-time.Hour)
		claim := toNodeClaim(i, nil, now)
		g.Expect(claim.Labels).To(HaveKeyWithValue(corev1.LabelInstanceTypeStable, "t3.small"))
		g.Expect(claim.Status.Capacity).To(BeEmpty())
		g.Expect(claim.DeletionTimestamp.Time).To(Equal(now), "it is on its way out")
		g.Expect(claim.CreationTimestamp.Time).To(Equal(now.Add(-time.Hour)))
	})
}

func TestAnnotatedBearsWhatDriftIsJudgedBy(t *testing.T) {
	g := NewWithT(t)
	class := &v1.EC2NodeClass{}
	class.Status.InstanceProfile = "profile"
	claim := annotated(toNodeClaim(launchedInstance(), nil, now), class, cluster.Cluster{CA: []byte("ca")})
	g.Expect(claim.Annotations).To(Equal(map[string]string{
		v1.AnnotationEC2NodeClassHash: class.Hash([]byte("ca")), v1.AnnotationEC2NodeClassHashVersion: v1.HashVersion,
		v1.AnnotationInstanceProfile: "profile",
	}))
}

// core is how core tells errors apart: by the fate that they have for a claim.
func core(err error) string {
	switch create := new(karpenter.CreateError); {
	case karpenter.IsInsufficientCapacityError(err):
		return "the claim is deleted: no capacity"
	case karpenter.IsNodeClassNotReadyError(err):
		return "the claim is deleted: class"
	case karpenter.IsNodeClaimNotFoundError(err):
		return "the finalizer is dropped"
	case karpenter.IsNodeRebootFailedError(err):
		return "the reboot is given up"
	case errors.As(err, &create):
		return "retried: " + create.ConditionReason
	default:
		return "retried"
	}
}

func TestTranslateDecidesTheClaimsFate(t *testing.T) {
	cause := errors.New("as EC2 says")
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"EC2 has no room":                            {&launch.CapacityError{Err: cause}, "the claim is deleted: no capacity"},
		"EC2 refused for a reason":                   {&launch.RefusedError{Reason: "Unauthorized", Err: cause}, "retried: Unauthorized"},
		"an instance may exist":                      {&launch.UncertainError{Until: now}, "retried: LaunchOutcomeUnknown"},
		"an instance does not exist":                 {fmt.Errorf("i-1: %w", instance.ErrNotFound), "the finalizer is dropped"},
		"an instance is another cluster's":           {&inventory.ForeignError{ID: "i-1"}, "the finalizer is dropped"},
		"the controller may not reboot":              {fmt.Errorf("rebooting: %w", &inventory.RefusedError{Err: cause}), "the reboot is given up"},
		"no token works":                             {&stepError{reasonNoToken, "getting a token", cause}, "retried: NoJoinToken"},
		"user data is too large":                     {fmt.Errorf("rendering: %w", &join.SizeError{Size: 2, Limit: 1}), "retried: UserDataSizeLimitExceeded"},
		"user data cannot be rendered":               {fmt.Errorf("rendering: %w", &join.SpecError{Field: "f"}), "retried: UserDataInvalid"},
		"an error that nobody thought of is retried": {cause, "retried"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := translate(fmt.Errorf("launching: %w", tc.err))
			g.Expect(core(got)).To(Equal(tc.want))
		})
	}
}

func TestRepairPoliciesAreAsCoreAsks(t *testing.T) {
	for name, config := range map[string]Config{"plain": {}, "with reboots": {RebootForRepair: true}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			fallbacks, reboots := 0, 0
			for _, policy := range New(Deps{}, config).RepairPolicies() {
				if policy.ReasonRegex == "" {
					fallbacks++
					g.Expect(policy.Action).To(Equal(karpenter.ReplaceNode))
				}
				if policy.Action == karpenter.RebootNode {
					reboots++
				}
				g.Expect(policy.TerminationGracePeriod).NotTo(BeNil(), "a drain is always bounded")
			}
			g.Expect(fallbacks).To(Equal(1))
			g.Expect(reboots > 0).To(Equal(config.RebootForRepair))
		})
	}
	for _, policy := range New(Deps{}, Config{LegacyRepair: true}).RepairPolicies() {
		NewWithT(t).Expect(policy.ReasonRegex).To(BeEmpty(), "the controller of before 1.15 knows no reasons")
	}
}
