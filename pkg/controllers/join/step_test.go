package join

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/awslabs/operatorpkg/status"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/clusterinfo"
)

const (
	nodeName   = "ip-10-0-1-23.ap-northeast-2.compute.internal"
	providerID = "aws:///ap-northeast-2a/i-0abc"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func launched(at time.Time) *karpv1.NodeClaim {
	return &karpv1.NodeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "claim", CreationTimestamp: metav1.NewTime(at)},
		Spec: karpv1.NodeClaimSpec{
			NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"},
			Requirements: []karpv1.NodeSelectorRequirementWithMinValues{},
		},
		Status: karpv1.NodeClaimStatus{ProviderID: providerID, Conditions: []status.Condition{
			{Type: karpv1.ConditionTypeLaunched, Status: metav1.ConditionTrue, Reason: "Launched", LastTransitionTime: metav1.NewTime(at)},
		}},
	}
}

func running() instance.Instance {
	return instance.Instance{ID: "i-0abc", State: instance.StateRunning, PrivateIP: netip.MustParseAddr("10.0.1.23")}
}

// failing is a change by which the machine says that a phase failed, and that it went on.
func failing(phase, detail string) func(*facts) {
	return func(f *facts) {
		f.progress = []string{"karpenter-join phase=" + phase + " result=error " + detail, "karpenter-join phase=kernel result=ok"}
	}
}

func reach(detail string) func(*facts) { return failing("reach", detail) }

func TestFirstMissing(t *testing.T) {
	node := func(providerID string, made time.Time, taints ...corev1.Taint) corev1.Node {
		return corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: nodeName, CreationTimestamp: metav1.NewTime(made)},
			Spec:       corev1.NodeSpec{ProviderID: providerID, Taints: taints},
		}
	}
	after := noon.Add(30 * time.Second)
	for name, tc := range map[string]struct {
		change  func(*facts)
		reason  string
		message string
		dead    bool
	}{
		"EC2 does not show it yet": {func(f *facts) { f.instance, f.now = instance.Instance{}, noon.Add(59*time.Second) }, "InstanceUnknown", providerID, false},
		"EC2 does not show it":     {func(f *facts) { f.instance = instance.Instance{} }, "InstanceGone", providerID, true},
		"it is ending":             {func(f *facts) { f.instance.State = instance.StateShuttingDown }, "InstanceGone", "i-0abc is shutting-down", true},
		"it is pending":            {func(f *facts) { f.instance.State = instance.StatePending }, "InstanceNotRunning", "i-0abc is pending", false},
		"it was stopped":           {func(f *facts) { f.instance.State = instance.StateStopped }, "InstanceNotRunning", "i-0abc is stopped", false},
		"nothing was asked for":    {nil, "NoCertificateRequest", "https://api.example.com:6443", false},
		"nobody answers the node": {
			func(f *facts) {
				f.probe = &clusterinfo.UnreachableError{Endpoint: "10.0.0.9:6443", Err: errors.New("connection refused")}
			},
			"EndpointUnreachable", "https://10.0.0.9:6443, where the API server does not answer this controller either (connection refused)", false,
		},
		"the CA is not the server's": {
			func(f *facts) {
				f.probe = &clusterinfo.UntrustedError{Endpoint: "10.0.0.9:6443", Err: errors.New("unknown authority")}
			},
			"CAMismatch", "or CLUSTER_CA_BUNDLE", false,
		},
		"the probe failed by itself": {func(f *facts) { f.probe = context.Canceled }, "NoCertificateRequest", "aws ec2 get-console-output", false},
		"the console tells": {
			func(f *facts) { f.progress = []string{"phase=kernel result=ok"} },
			"NoCertificateRequest", "its console says: phase=kernel result=ok", false,
		},
		"the machine cannot connect":     {reach("exit=28 clock=x curl: (28) Connection timed out"), "EndpointUnreachable", "security group", false},
		"the machine knows no such name": {reach("exit=6 clock=x curl: (6) Could not resolve host"), "EndpointUnreachable", "DNS of its VPC", false},
		"another answers the machine":    {reach("exit=60 clock=x curl: (60) SSL certificate problem: unable to get local issuer certificate"), "CAMismatch", "something in between", false},
		"the machine's clock is behind":  {reach("exit=60 clock=x curl: (60) SSL certificate problem: certificate is not yet valid"), "ClockWrong", "169.254.169.123", false},
		"no packages":                    {failing("packages", "exit=100"), "PackagesMissing", "mirror", false},
		"no token":                       {failing("token", "exit=22"), "TokenNotFetched", "node-token-policy.json", false},
		"a token that is not taken":      {failing("credentials", "http=401"), "TokenRefused", "was deleted, edited or has expired", false},
		"a kubelet that is too new":      {failing("version", "kubelet=1.37 cluster=1.36"), "KubeletTooNew", "kubelet=1.37 cluster=1.36", false},
		"kubeadm gave up":                {failing("join", "exit=1"), "JoinFailed", "phase=join result=error exit=1", false},
		"a phase without a remedy":       {failing("swap-off", "exit=1"), "UserDataFailed", "phase swap-off", false},
		"what is wrong from here too comes first": {func(f *facts) {
			reach("exit=7 clock=x")(f)
			f.probe = &clusterinfo.UnreachableError{Endpoint: "10.0.0.9:6443", Err: &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 53411}, Err: errors.New("connection reset by peer")}}
		}, "EndpointUnreachable", "(read: connection reset by peer)", false},
		"held":            {func(f *facts) { f.requests = []request{{name: "csr-1", message: "because"}} }, "CertificateHeld", "csr-1 is held: because", false},
		"nobody approves": {func(f *facts) { f.requests = []request{{name: "csr-1"}} }, "CertificateNotApproved", "csr-1", false},
		"denied":          {func(f *facts) { f.requests = []request{{name: "csr-1", denied: true, message: "because"}} }, "CertificateDenied", "csr-1 was denied: because", false},
		"the newest request counts": {func(f *facts) {
			f.requests = []request{{name: "csr-2", created: after}, {name: "csr-1", created: noon, denied: true}}
		}, "CertificateNotApproved", "csr-2", false},
		"a request to serve with is another matter": {func(f *facts) { f.requests = []request{{name: "csr-1", serving: true}} }, "NoCertificateRequest", "", false},
		"Karpenter is at work, and serving was denied": {func(f *facts) {
			f.nodes = []corev1.Node{node(providerID, after, karpv1.UnregisteredNoExecuteTaint)}
			f.requests = []request{{name: "csr-9", serving: true, denied: true, message: "foreign"}}
		}, "NotRegistered", "the request csr-9 for its serving certificate was denied: foreign", false},
		"not issued":           {func(f *facts) { f.requests = []request{{name: "csr-1", approved: true, message: "ok"}} }, "CertificateNotIssued", "kube-controller-manager", false},
		"no node":              {func(f *facts) { f.requests = []request{{name: "csr-1", approved: true, issued: true}} }, "NodeMissing", "kubelet does not run", false},
		"no provider id":       {func(f *facts) { f.nodes = []corev1.Node{node("", after)} }, "ProviderIDMissing", "--provider-id=" + providerID, false},
		"another provider id":  {func(f *facts) { f.nodes = []corev1.Node{node("aws:///x/i-1", after)} }, "ProviderIDWrong", `"aws:///x/i-1"`, false},
		"an older node":        {func(f *facts) { f.nodes = []corev1.Node{node("aws:///x/i-1", noon.Add(-time.Hour))} }, "NameInUse", "earlier instance", false},
		"no taint":             {func(f *facts) { f.nodes = []corev1.Node{node(providerID, after)} }, "TaintMissing", "karpenter.sh/unregistered", false},
		"Karpenter is at work": {func(f *facts) { f.nodes = []corev1.Node{node(providerID, after, karpv1.UnregisteredNoExecuteTaint)} }, "NotRegistered", nodeName, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := facts{now: noon.Add(time.Minute), claim: launched(noon), launched: noon, instance: running(), endpoint: "api.example.com:6443"}
			if tc.change != nil {
				tc.change(&f)
			}
			got := firstMissing(f)
			g.Expect(got.reason).To(Equal(tc.reason))
			g.Expect(got.message).To(ContainSubstring(tc.message))
			g.Expect(got.dead).To(Equal(tc.dead))
		})
	}
}
