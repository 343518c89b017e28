package nodeclass_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/nodeclass"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/network"
	fakeec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

func testResolve(t *testing.T, a *api) {
	t.Helper()
	t.Run("a class that fits becomes ready and says what was found", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		g.Expect(w.settle(class)).To(Equal(time.Minute), "subnets are looked at again first")
		g.Expect(ready(class)).To(BeTrue())
		g.Expect(class.StatusConditions().Root().ObservedGeneration).To(Equal(class.Generation))
		g.Expect(class.Finalizers).To(ConsistOf(v1.TerminationFinalizer))
		g.Expect(class.Status.Subnets).To(HaveLen(4))
		g.Expect(class.Status.SecurityGroups).To(HaveExactElements(HaveField("Name", "karpenter-nodes")))
		g.Expect(class.Status.AMIs).To(ConsistOf(HaveField("Name", ContainSubstring("noble-24.04-amd64")), HaveField("Name", ContainSubstring("noble-24.04-arm64"))))
		g.Expect(class.Status.AMIs[0].Requirements).To(ConsistOf(
			HaveField("Key", corev1.LabelArchStable), HaveField("Key", v1.LabelInstanceGPUCount), HaveField("Key", v1.LabelInstanceAcceleratorCount)))
		g.Expect(class.Status.InstanceProfile).To(Equal("karpenter-node-profile"))
	})
	t.Run("nothing is written when nothing changed", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.settle(class)
		before := class.ResourceVersion
		w.clock.Step(time.Hour)
		w.settle(class)
		g.Expect(class.ResourceVersion).To(Equal(before))
	})
	t.Run("an object that changed meanwhile is looked at again, and nothing is overwritten", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.settle(class)
		stale := class.DeepCopy()
		w.update(class, func(c *v1.EC2NodeClass) { c.Labels = map[string]string{"a": "b"} })
		stale.Status.SecurityGroups = nil
		result, err := w.controller.Reconcile(t.Context(), stale)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(result.RequeueAfter).To(BeNumerically("<=", time.Second))
	})
	testMissing(t, a)
	testUnsupported(t, a)
}

// missingCase is a class that refers to what does not exist.
type missingCase struct {
	spec, condition, reason, message string
	create                           func(Gomega, *world)
}

func missing() map[string]missingCase {
	return map[string]missingCase{
		"no subnet": {
			spec: `{subnetSelectorTerms: [{tags: {team: a, tier: "*"}}, {id: subnet-0}]}`, condition: v1.ConditionTypeSubnetsReady, reason: "SubnetsNotFound",
			message: `no subnet matches spec.subnetSelectorTerms[0].tags{team: a, tier: *} or spec.subnetSelectorTerms[1].id "subnet-0" in region ap-northeast-2; tag a subnet so or correct the selector`,
			create: func(g Gomega, w *world) {
				_, err := w.aws.EC2.AddSubnet(w.aws.Region(), fakeec2.Subnet{Zone: "ap-northeast-2a", CIDR: "10.0.128.0/24", Tags: map[string]string{"team": "a", "tier": "1"}})
				g.Expect(err).NotTo(HaveOccurred())
			},
		},
		"no security group": {
			spec: `{securityGroupSelectorTerms: [{name: nobody}]}`, condition: v1.ConditionTypeSecurityGroupsReady, reason: "SecurityGroupsNotFound",
			message: `no security group matches spec.securityGroupSelectorTerms[0].name "nobody" in region ap-northeast-2; tag a security group so or correct the selector`,
			create: func(g Gomega, w *world) {
				_, err := w.aws.EC2.AddSecurityGroup(w.aws.Region(), "nobody", nil)
				g.Expect(err).NotTo(HaveOccurred())
			},
		},
		"no image": {
			spec: `{amiSelectorTerms: [{name: mine}]}`, condition: v1.ConditionTypeAMIsReady, reason: "AMINotFound",
			message: `no image for spec.amiSelectorTerms in region ap-northeast-2: there is no image with the name "mine" owned by self or amazon; correct the terms, or make the image available to this account in this region`,
			create: func(g Gomega, w *world) {
				_, err := w.aws.EC2.AddImage(w.aws.Region(), fakeec2.Image{Name: "mine", Architecture: "x86_64", Created: w.clock.Now(), RootDevice: "/dev/sda1", RootSizeGiB: 8})
				g.Expect(err).NotTo(HaveOccurred())
			},
		},
		"no instance profile": {
			spec: `{instanceProfile: mine}`, condition: v1.ConditionTypeInstanceProfileReady, reason: "InstanceProfileNotFound",
			message: `spec.instanceProfile "mine" does not exist in IAM; create it or correct the name`,
			create:  func(_ Gomega, w *world) { w.aws.IAM.AddProfile("mine", "karpenter-node-role") },
		},
		"an instance profile without a role": {
			spec: `{instanceProfile: empty}`, condition: v1.ConditionTypeInstanceProfileReady, reason: "InstanceProfileHasNoRole",
			message: `spec.instanceProfile "empty" holds no role; add the role of the nodes to it`,
			create:  func(_ Gomega, w *world) { w.aws.IAM.AddProfile("empty", "karpenter-node-role") },
		},
	}
}

// testMissing shows what a class says whose spec refers to what does not exist, and that it
// becomes ready, without a change of its own, once that does.
func testMissing(t *testing.T, a *api) {
	t.Helper()
	for name, tc := range missing() {
		t.Run(name, func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t, a)
			w.aws.IAM.AddProfile("empty", "")
			class := w.create(tc.spec)
			again := w.settle(class)
			g.Expect(again).To(Equal(time.Minute))
			g.Expect(condition(class, tc.condition)).To(And(
				HaveField("Status", metav1.ConditionFalse), HaveField("Reason", tc.reason), HaveField("Message", tc.message)))
			g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(
				HaveField("Status", metav1.ConditionFalse), HaveField("Reason", "DependenciesNotReady"), HaveField("Message", "waits for "+tc.condition)))
			g.Expect(ready(class)).To(BeFalse())
			g.Expect(w.dryRun.asked).To(BeZero(), "there is nothing to try yet")

			tc.create(g, w)
			w.clock.Step(again)
			w.settle(class)
			g.Expect(ready(class)).To(BeTrue())
		})
	}
	t.Run("what is no longer found is no longer in the status", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.settle(class)
		w.update(class, func(c *v1.EC2NodeClass) {
			c.Spec.SubnetSelectorTerms[0].Tags = map[string]string{"no": "one"}
			c.Spec.SecurityGroupSelectorTerms[0].Tags = map[string]string{"no": "one"}
			c.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{Name: "nobody"}}
		})
		w.settle(class)
		g.Expect(class.Status.Subnets).To(BeEmpty())
		g.Expect(class.Status.SecurityGroups).To(BeEmpty())
		g.Expect(class.Status.AMIs).To(BeEmpty())
		g.Expect(ready(class)).To(BeFalse())
	})
}

func testUnsupported(t *testing.T, a *api) {
	t.Helper()
	t.Run("an alias that the cluster cannot have", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{amiFamily: Custom, amiSelectorTerms: [{alias: al2@latest}]}`)
		w.settle(class)
		g.Expect(condition(class, v1.ConditionTypeAMIsReady)).To(And(
			HaveField("Reason", "UnsupportedAlias"),
			HaveField("Message", "spec.amiSelectorTerms: alias al2@latest: AWS publishes no AL2 images for Kubernetes 1.33 and later; use al2023")))
	})
	t.Run("a placement group", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{placementGroupSelector: {name: x}}`)
		w.settle(class)
		g.Expect(condition(class, v1.ConditionTypePlacementGroupReady).Message).To(Equal("spec.placementGroupSelector is not supported by this version; remove it"))
		g.Expect(ready(class)).To(BeFalse(), "launching outside the group would not be what was asked for")
	})
	t.Run("capacity reservations", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{capacityReservationSelectorTerms: [{id: cr-1}]}`)
		w.settle(class)
		g.Expect(condition(class, v1.ConditionTypeCapacityReservationsReady).Message).To(ContainSubstring("spec.capacityReservationSelectorTerms is not supported by this version"))
		g.Expect(ready(class)).To(BeFalse())
		w.update(class, func(c *v1.EC2NodeClass) { c.Spec.CapacityReservationSelectorTerms = nil })
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
		g.Expect(class.Status.Conditions).NotTo(ContainElement(HaveField("Type", v1.ConditionTypeCapacityReservationsReady)))
	})
}

// noCredentials is a chain of credential providers in which none has any.
type noCredentials struct{}

func (noCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("no EC2 IMDS role found")
}

// testTrouble shows what a class says while AWS, or the cluster, cannot be asked.
func testTrouble(t *testing.T, a *api) {
	t.Helper()
	denied := func(action string) wire.Fault {
		code := "UnauthorizedOperation"
		if action == "GetInstanceProfile" || action == "CreateInstanceProfile" {
			code = "AccessDenied"
		}
		return wire.Fault{Action: action, Times: -1, Answer: &wire.Error{Code: code, Message: "request 8a6f", Status: 403}}
	}
	for name, tc := range map[string]struct{ spec, action, condition, message string }{
		"images":          {`{}`, "DescribeImages", v1.ConditionTypeAMIsReady, "AWS denies ec2:DescribeImages (UnauthorizedOperation); allow it in the controller's IAM policy"},
		"subnets":         {`{}`, "DescribeSubnets", v1.ConditionTypeSubnetsReady, "AWS denies ec2:DescribeSubnets (UnauthorizedOperation); allow it in the controller's IAM policy"},
		"security groups": {`{}`, "DescribeSecurityGroups", v1.ConditionTypeSecurityGroupsReady, "AWS denies ec2:DescribeSecurityGroups (UnauthorizedOperation); allow it in the controller's IAM policy"},
		"a role":          {`{instanceProfile: null, role: karpenter-node-role}`, "CreateInstanceProfile", v1.ConditionTypeInstanceProfileReady, "AWS denies iam:CreateInstanceProfile (AccessDenied); allow it in the controller's IAM policy"},
	} {
		t.Run(name+" that may not be asked for", func(t *testing.T) {
			g, w := NewWithT(t), newWorld(t, a)
			w.aws.Inject(denied(tc.action))
			class := w.create(tc.spec)
			_, err := w.reconcile(class)
			g.Expect(err).To(HaveOccurred(), "the queue backs off")
			g.Expect(condition(class, tc.condition)).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", "CallFailed"), HaveField("Message", tc.message)))
			g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", "DependenciesNotReady")))
			before := class.ResourceVersion
			_, err = w.reconcile(class)
			g.Expect(err).To(HaveOccurred())
			g.Expect(class.ResourceVersion).To(Equal(before), "the same trouble is not written again")

			w.aws.ClearFaults()
			w.settle(class)
			g.Expect(ready(class)).To(BeTrue())
		})
	}
	testUnreachable(t, a)
	testOutage(t, a, denied)
}

func testUnreachable(t *testing.T, a *api) {
	t.Helper()
	for name, tc := range map[string]struct {
		config func(aws.Config) aws.Config
		want   string
	}{
		"nobody listens": {
			func(c aws.Config) aws.Config { c.BaseEndpoint = aws.String("http://127.0.0.1:1"); return c },
			"ec2:DescribeSubnets cannot be reached; check routes, security groups, proxies and VPC endpoints of this machine, and AWS_ENDPOINT_URL if set",
		},
		"there are no credentials": {
			func(c aws.Config) aws.Config { c.Credentials = noCredentials{}; return c },
			"no AWS credentials for ec2:DescribeSubnets; give the machine an instance profile (and, for pods, a metadata hop limit of 2), the pod a web identity, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			w := newWorld(t, a)
			config := tc.config(w.aws.Config())
			config.RetryMaxAttempts = 1
			deps := w.deps()
			deps.Network = network.New(ec2.NewFromConfig(config), w.clock, network.Refresh{})
			w.controller = nodeclass.New(deps, nodeclass.Config{ClusterName: "prod", Region: w.aws.Region()})
			class := w.create(`{}`)
			_, err := w.reconcile(class)
			g.Expect(err).To(HaveOccurred())
			g.Expect(condition(class, v1.ConditionTypeSubnetsReady)).To(And(HaveField("Status", metav1.ConditionUnknown), HaveField("Message", tc.want)))
		})
	}
}

// testOutage shows that trouble which passes does not take back what was found.
func testOutage(t *testing.T, a *api, denied func(action string) wire.Fault) {
	t.Helper()
	t.Run("a class that was ready stays so", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		class := w.create(`{}`)
		w.settle(class)
		w.clock.Step(time.Hour)
		for _, action := range []string{"DescribeImages", "DescribeSubnets", "DescribeSecurityGroups"} {
			w.aws.Inject(denied(action))
		}
		_, err := w.reconcile(class)
		g.Expect(err).To(HaveOccurred())
		g.Expect(ready(class)).To(BeTrue())
		g.Expect(class.Status.Subnets).NotTo(BeEmpty())

		w.update(class, func(c *v1.EC2NodeClass) { c.Spec.SubnetSelectorTerms[0].Tags = map[string]string{"other": "*"} })
		_, err = w.reconcile(class)
		g.Expect(err).To(HaveOccurred())
		g.Expect(condition(class, v1.ConditionTypeSubnetsReady).IsUnknown()).To(BeTrue(), "but not for another spec")
		g.Expect(ready(class)).To(BeFalse())
	})
	t.Run("a cluster that cannot be read", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		w.clusters.err = context.DeadlineExceeded
		class := w.create(`{}`)
		_, err := w.reconcile(class)
		g.Expect(err).To(HaveOccurred())
		g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(
			HaveField("Status", metav1.ConditionUnknown), HaveField("Message", ContainSubstring("reading what nodes must know of the cluster"))))
	})
	testElsewhere(t, a)
}

// testElsewhere shows classes where things are not as on an ordinary kubeadm cluster.
func testElsewhere(t *testing.T, a *api) {
	t.Helper()
	t.Run("an isolated VPC has no IAM to ask", func(t *testing.T) {
		g := NewWithT(t)
		w := newWorld(t, a, func(_ *nodeclass.Deps, c *nodeclass.Config) { c.IsolatedVPC = true })
		class := w.create(`{instanceProfile: mine}`)
		w.settle(class)
		g.Expect(ready(class)).To(BeTrue())
		g.Expect(w.aws.Calls("GetInstanceProfile")).To(BeZero())
	})
	t.Run("nodes of EKS are Custom only", func(t *testing.T) {
		g, w := NewWithT(t), newWorld(t, a)
		w.clusters.Mode = cluster.EKS
		class := w.create(`{amiFamily: AL2023}`)
		w.settle(class)
		g.Expect(condition(class, v1.ConditionTypeValidationSucceeded)).To(And(
			HaveField("Reason", "InvalidSpec"), HaveField("Message", ContainSubstring(`spec.amiFamily "AL2023" is not launched on EKS by this version`))))
	})
}
