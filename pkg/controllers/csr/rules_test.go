package csr

import (
	"net/netip"
	"testing"
	"time"

	"github.com/awslabs/operatorpkg/status"
	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

const (
	nodeName   = "ip-10-0-1-23.ap-northeast-2.compute.internal"
	providerID = "aws:///ap-northeast-2a/i-0abc"
)

var (
	noon         = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clientUsages = []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth}
	serverUsages = []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageServerAuth}
)

// launched is a claim that was made at noon and launched ten seconds after.
func launched(change func(*karpv1.NodeClaim)) *karpv1.NodeClaim {
	claim := &karpv1.NodeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "claim", CreationTimestamp: metav1.NewTime(noon)},
		Spec:       karpv1.NodeClaimSpec{NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}},
		Status: karpv1.NodeClaimStatus{ProviderID: providerID, Conditions: []status.Condition{
			{Type: karpv1.ConditionTypeLaunched, Status: metav1.ConditionTrue, Reason: "Launched", LastTransitionTime: metav1.NewTime(noon.Add(10 * time.Second))},
		}},
	}
	if change != nil {
		change(claim)
	}
	return claim
}

func running(change func(*instance.Instance)) instance.Instance {
	i := instance.Instance{
		ID: "i-0abc", Pool: pool.Pool{Zone: "ap-northeast-2a"}, State: instance.StateRunning, Launched: noon.Add(5 * time.Second),
		PrivateIP: netip.MustParseAddr("10.0.1.23"), PrivateName: "ip-10-0-1-23.corp.example.com",
	}
	if change != nil {
		change(&i)
	}
	return i
}

// joining is a node that asks for its certificate a minute after noon, as it should be.
func joining(change func(*clientFacts)) clientFacts {
	f := clientFacts{
		request: request{
			UID: "csr", Created: noon.Add(time.Minute), Usages: clientUsages, Subject: "system:node:" + nodeName, Orgs: []string{"system:nodes"},
		},
		now:      noon.Add(61 * time.Second),
		epoch:    token.Epoch{ID: "abcdef", Created: noon.Add(-time.Hour), Expires: noon.Add(time.Hour)},
		claim:    launched(nil),
		instance: running(nil),
	}
	if change != nil {
		change(&f)
	}
	return f
}

func TestClientRules(t *testing.T) {
	node := func(id string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}, Spec: corev1.NodeSpec{ProviderID: id}}
	}
	for name, tc := range map[string]struct {
		change   func(*clientFacts)
		decision decision
		reason   string
	}{
		"as it should be": {nil, approve, "InstanceOfNodeClaim"},
		"with an RSA key": {func(f *clientFacts) { f.request.Usages = append(f.request.Usages, certificatesv1.UsageKeyEncipherment) }, approve, "InstanceOfNodeClaim"},
		"the same request again after it was written down": {
			func(f *clientFacts) { f.claim.Annotations = map[string]string{AnnotationApproved: "csr"} }, approve, "InstanceOfNodeClaim",
		},
		"its own node is there already":       {func(f *clientFacts) { f.node = node(providerID) }, approve, "InstanceOfNodeClaim"},
		"EC2 did not say when it launched it": {func(f *clientFacts) { f.instance.Launched = time.Time{} }, approve, "InstanceOfNodeClaim"},

		"another organisation":  {func(f *clientFacts) { f.request.Orgs = []string{"system:masters"} }, deny, "NotOfAKubelet"},
		"one organisation more": {func(f *clientFacts) { f.request.Orgs = []string{"system:nodes", "system:masters"} }, deny, "NotOfAKubelet"},
		"a user, not a node":    {func(f *clientFacts) { f.request.Subject = "admin" }, deny, "NotOfAKubelet"},
		"no name":               {func(f *clientFacts) { f.request.Subject = "system:node:" }, deny, "NotOfAKubelet"},
		"usages of a server":    {func(f *clientFacts) { f.request.Usages = serverUsages }, deny, "NotOfAKubelet"},
		"one usage more":        {func(f *clientFacts) { f.request.Usages = append(f.request.Usages, certificatesv1.UsageCertSign) }, deny, "NotOfAKubelet"},
		"one usage less":        {func(f *clientFacts) { f.request.Usages = clientUsages[:1] }, deny, "NotOfAKubelet"},
		"names of a server":     {func(f *clientFacts) { f.request.DNS = []string{nodeName} }, deny, "NotOfAKubelet"},
		"a mail address":        {func(f *clientFacts) { f.request.otherSANs = true }, deny, "NotOfAKubelet"},

		"no claim yet": {func(f *clientFacts) { f.claim, f.now = nil, f.request.Created.Add(settle-1) }, hold, "NoNodeClaim"},
		"a claim's instance is not known yet": {
			func(f *clientFacts) { f.claim, f.unknown, f.now = nil, 1, f.request.Created.Add(time.Hour) }, hold, "InstanceUnknown",
		},
		"no claim, and all are known":   {func(f *clientFacts) { f.claim, f.now = nil, f.request.Created.Add(settle) }, deny, "NoNodeClaim"},
		"EC2 does not show it yet":      {func(f *clientFacts) { f.instance = instance.Instance{} }, hold, "InstanceUnknown"},
		"the instance is ending":        {func(f *clientFacts) { f.instance.State = instance.StateShuttingDown }, deny, "InstanceGone"},
		"the claim is being deleted":    {func(f *clientFacts) { f.claim.DeletionTimestamp = &metav1.Time{Time: noon} }, deny, "NodeClaimDeleting"},
		"the node has registered":       {func(f *clientFacts) { f.claim.StatusConditions().SetTrue(karpv1.ConditionTypeRegistered) }, deny, "AlreadyRegistered"},
		"asked for before the claim":    {func(f *clientFacts) { f.request.Created = noon.Add(-2 * time.Minute) }, deny, "OutsideWindow"},
		"asked for too late":            {func(f *clientFacts) { f.request.Created = noon.Add(17 * time.Minute) }, deny, "OutsideWindow"},
		"asked for in the last moment":  {func(f *clientFacts) { f.request.Created = noon.Add(15 * time.Minute) }, approve, "InstanceOfNodeClaim"},
		"a token made after the launch": {func(f *clientFacts) { f.epoch.Created = noon.Add(5 * time.Minute) }, deny, "OtherToken"},
		"a token retired before the launch": {
			func(f *clientFacts) { f.epoch.Retired = noon.Add(-token.LaunchGrace - 2*time.Minute) }, deny, "OtherToken",
		},
		"a token retired since the launch": {func(f *clientFacts) { f.epoch.Retired = noon.Add(30 * time.Second) }, approve, "InstanceOfNodeClaim"},
		"the kubelet has asked again":      {func(f *clientFacts) { f.newer = "csr-2" }, hold, "Superseded"},
		"it asked again after its first was approved": {func(f *clientFacts) {
			f.newer, f.claim.Annotations = "csr-2", map[string]string{AnnotationApproved: f.request.UID}
		}, approve, "InstanceOfNodeClaim"},
		"another request was approved": {
			func(f *clientFacts) { f.claim.Annotations = map[string]string{AnnotationApproved: "first"} }, deny, "AlreadyApproved",
		},
		"the name is that of an instance that is gone":   {func(f *clientFacts) { f.node = node("aws:///ap-northeast-2a/i-0dead") }, hold, "NameInUse"},
		"the name is that of a node without provider id": {func(f *clientFacts) { f.node = node("") }, hold, "NameInUse"},
		"the name is that of an instance that is ending": {func(f *clientFacts) {
			f.node, f.nodeInstance = node("aws:///ap-northeast-2a/i-0dead"), instance.Instance{ID: "i-0dead", State: instance.StateShuttingDown}
		}, hold, "NameInUse"},
		"the name is that of a node that is being deleted": {func(f *clientFacts) {
			f.node, f.nodeInstance = node("aws:///ap-northeast-2a/i-0old"), instance.Instance{ID: "i-0old", State: instance.StateRunning}
			f.node.DeletionTimestamp = &metav1.Time{Time: noon}
		}, hold, "NameInUse"},
		"the name is that of a running instance": {func(f *clientFacts) {
			f.node, f.nodeInstance = node("aws:///ap-northeast-2a/i-0old"), instance.Instance{ID: "i-0old", State: instance.StateRunning}
		}, deny, "NameTaken"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := judge(joining(tc.change), clientRules)
			g.Expect(got.decision).To(Equal(tc.decision), got.message)
			g.Expect(got.reason).To(Equal(tc.reason))
			g.Expect(got.message).NotTo(BeEmpty())
		})
	}
}

func TestServingRules(t *testing.T) {
	ask := func(change func(*servingFacts)) servingFacts {
		f := servingFacts{
			request: request{
				Username: "system:node:" + nodeName, Groups: []string{"system:nodes", "system:authenticated"}, Usages: serverUsages,
				Subject: "system:node:" + nodeName, Orgs: []string{"system:nodes"},
				DNS: []string{nodeName}, IPs: []netip.Addr{netip.MustParseAddr("10.0.1.23")},
			},
			claim: launched(nil), instance: running(nil), region: "ap-northeast-2",
		}
		if change != nil {
			change(&f)
		}
		return f
	}
	for name, tc := range map[string]struct {
		change   func(*servingFacts)
		decision decision
		reason   string
	}{
		"its name and address":      {nil, approve, "InstanceOfNodeClaim"},
		"only its address":          {func(f *servingFacts) { f.request.DNS = nil }, approve, "InstanceOfNodeClaim"},
		"the name that EC2 gave it": {func(f *servingFacts) { f.request.DNS = []string{"ip-10-0-1-23.corp.example.com"} }, approve, "InstanceOfNodeClaim"},
		"its second interface": {func(f *servingFacts) {
			second := netip.MustParseAddr("10.0.9.9")
			f.instance.PrivateIPs = []netip.Addr{f.instance.PrivateIP, second}
			f.request.IPs = append(f.request.IPs, second)
		}, approve, "InstanceOfNodeClaim"},
		"its public name and address": {func(f *servingFacts) {
			public := netip.MustParseAddr("203.0.113.25")
			f.instance.PublicName, f.instance.PublicIPs = "ec2-203-0-113-25.example.amazonaws.com", []netip.Addr{public}
			f.request.DNS, f.request.IPs = append(f.request.DNS, "ec2-203-0-113-25.example.amazonaws.com"), append(f.request.IPs, public)
		}, approve, "InstanceOfNodeClaim"},
		"an address that is public, but another's": {func(f *servingFacts) {
			f.instance.PublicIPs = []netip.Addr{netip.MustParseAddr("203.0.113.25")}
			f.request.IPs = append(f.request.IPs, netip.MustParseAddr("203.0.113.26"))
		}, deny, "ForeignNames"},
		"a name that is empty, as its public one": {func(f *servingFacts) { f.request.DNS = append(f.request.DNS, "") }, deny, "ForeignNames"},
		"no name at all":           {func(f *servingFacts) { f.request.DNS, f.request.IPs = nil, nil }, deny, "ForeignNames"},
		"another name":             {func(f *servingFacts) { f.request.DNS = append(f.request.DNS, "kubernetes.default.svc") }, deny, "ForeignNames"},
		"another address":          {func(f *servingFacts) { f.request.IPs = append(f.request.IPs, netip.MustParseAddr("10.96.0.1")) }, deny, "ForeignNames"},
		"another node":             {func(f *servingFacts) { f.request.Subject = "system:node:other" }, deny, "NotOfAKubelet"},
		"a requestor who is none":  {func(f *servingFacts) { f.request.Groups = []string{"system:authenticated"} }, deny, "NotOfAKubelet"},
		"usages of a client":       {func(f *servingFacts) { f.request.Usages = clientUsages }, deny, "NotOfAKubelet"},
		"a URI":                    {func(f *servingFacts) { f.request.otherSANs = true }, deny, "NotOfAKubelet"},
		"EC2 does not show it yet": {func(f *servingFacts) { f.instance = instance.Instance{} }, hold, "InstanceUnknown"},
		"a node that says it is another's instance": {func(f *servingFacts) { f.instance.PrivateIP = netip.MustParseAddr("10.0.9.9") }, hold, "ForeignNode"},
		"the instance has ended":                    {func(f *servingFacts) { f.instance.State = instance.StateTerminated }, deny, "InstanceGone"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := judge(ask(tc.change), servingRules)
			g.Expect(got.decision).To(Equal(tc.decision), got.message)
			g.Expect(got.reason).To(Equal(tc.reason))
		})
	}
}
