package hollow_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testMutations writes the same join in as many ways as people do; every one joins, so
// nothing looks at the text of the script.
func (w *world) testMutations(t *testing.T) {
	token := w.token(t, "bbbbbb")
	fill := strings.NewReplacer("SERVER", w.server, "TOKEN", token, "PIN", w.pin)
	launched := map[string]string{}
	for name, join := range map[string]string{
		"plain":                  "kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash PIN",
		"quoted":                 `"kubeadm" 'join' "SERVER" "--token" 'TOKEN' --discovery-token-ca-cert-hash="PIN"`,
		"reordered":              "kubeadm join --discovery-token-ca-cert-hash=PIN --v=5 --token=TOKEN SERVER",
		"over several lines":     "kubeadm join \\\n  SERVER \\\n  --token TOKEN \\\n  --discovery-token-ca-cert-hash PIN",
		"conditional":            "if [[ ! -f /etc/kubernetes/kubelet.conf ]]; then kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash PIN; fi",
		"in a function":          "join() { local server=$1; shift; kubeadm join \"$server\" \"$@\"; }\njoin SERVER --token TOKEN --discovery-token-ca-cert-hash PIN",
		"by variables":           "A=--token; B=TOKEN; C='--discovery-token-ca-cert-hash PIN'; CMD='kubeadm join'\n$CMD SERVER $A $B $C",
		"retried until it works": "for i in 1 2 3; do [ $i = 2 ] || continue; until kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash PIN; do sleep 1; done; done",
		"in a script of its own": "printf '#!/bin/sh\\nexec kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash PIN\\n' > /usr/local/bin/j && chmod +x /usr/local/bin/j && j",
		"by eval of base64":      "eval \"$(echo " + base64.StdEncoding.EncodeToString([]byte(fill.Replace("kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash PIN"))) + " | base64 -d)\"",
		"from a sourced file":    "echo 'export T=TOKEN S=SERVER' > /etc/join.env; . /etc/join.env; kubeadm join $S --token \"${T:?}\" --discovery-token-ca-cert-hash PIN",
		"by a unit of systemd":   "printf '[Service]\\nType=oneshot\\nExecStart=/usr/bin/kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash PIN\\n' > /etc/systemd/system/join.service; systemctl start join",
		"by config file":         "cat > /j.yaml <<'EOF'\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken: {apiServerEndpoint: 'SERVER', token: TOKEN, caCertHashes: ['PIN']}\nEOF\nkubeadm join --config /j.yaml",
		"by older config file":   "cat > /j.yaml <<'EOF'\napiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken: {apiServerEndpoint: 'SERVER', token: TOKEN, caCertHashes: ['PIN']}\n  timeout: 1m\nnodeRegistration: {kubeletExtraArgs: {max-pods: '17'}}\nEOF\nkubeadm join --config /j.yaml",
		"by discovery file":      "cat > /d.conf <<'EOF'\napiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://SERVER', certificate-authority-data: " + base64.StdEncoding.EncodeToString(w.ca) + "}}]\nusers: [{name: u, user: {token: TOKEN}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\nEOF\nkubeadm join --discovery-file /d.conf",
		"pin unsafely left out":  "kubeadm join SERVER --token TOKEN --discovery-token-unsafe-skip-ca-verification",
		"one of two pins":        "kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash sha256:" + strings.Repeat("0", 64) + " --discovery-token-ca-cert-hash PIN",
	} {
		launched[name] = w.launch(t, setup+fill.Replace(join))
	}
	launched["by cloud-config"] = w.launch(t, fill.Replace("#cloud-config\nwrite_files:\n- path: /setup.sh\n  permissions: '0755'\n  encoding: b64\n  content: "+base64.StdEncoding.EncodeToString([]byte(setup))+"\nruncmd:\n- /setup.sh\n- [kubeadm, join, 'SERVER', --token, TOKEN, --discovery-token-ca-cert-hash, 'PIN']\n"))
	for name, id := range launched {
		t.Run(name, func(t *testing.T) { w.ready(t, id) })
	}
}

// testRefusals holds joins that must not become nodes, and what the console says of each.
func (w *world) testRefusals(t *testing.T) {
	token := w.token(t, "cccccc")
	fill := strings.NewReplacer("SERVER", w.server, "TOKEN", token, "PIN", w.pin)
	join := "kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash PIN\n"
	cases := map[string]struct{ script, console string }{
		"unknown token":             {setup + "kubeadm join SERVER --token dddddd.0123456789abcdef --discovery-token-ca-cert-hash PIN", "Running pre-flight checks"},
		"wrong secret":              {setup + "kubeadm join SERVER --token cccccc.fedcba9876543210 --discovery-token-ca-cert-hash PIN", "failed to verify JWS signature"},
		"malformed token":           {setup + "kubeadm join SERVER --token short --discovery-token-ca-cert-hash PIN", "the bootstrap token is invalid"},
		"wrong pin":                 {setup + "kubeadm join SERVER --token TOKEN --discovery-token-ca-cert-hash sha256:" + strings.Repeat("0", 64), "none of the public keys"},
		"no pin":                    {setup + "kubeadm join SERVER --token TOKEN", "caCertHashes can be unsafe"},
		"wrong endpoint":            {setup + "kubeadm join 127.0.0.1:1 --token TOKEN --discovery-token-ca-cert-hash PIN", "Running pre-flight checks"},
		"endpoint without port":     {setup + "kubeadm join 127.0.0.1 --token TOKEN --discovery-token-ca-cert-hash PIN", "missing port in address"},
		"unknown flag":              {setup + "kubeadm join SERVER --tokn TOKEN", "unknown flag: --tokn"},
		"exit before the join":      {setup + "exit 1\n" + join, "exit status 1"},
		"never true":                {setup + "if false; then " + join + "fi; echo passed by", "passed by"},
		"commented out":             {setup + "# " + join + "echo passed by", "passed by"},
		"echoed only":               {setup + "echo '" + strings.TrimSpace(join) + "' > /dev/console", "kubeadm join"},
		"malformed user data":       {strings.TrimPrefix(setup, "#!/bin/bash\n") + join, "unhandled non-multipart"},
		"no repository":             {"#!/bin/bash\nset -e\napt-get update\napt-get install -y containerd kubelet kubeadm\n" + join, "Unable to locate package kubelet"},
		"no runtime":                {setup + "systemctl stop containerd\n" + join, "ERROR CRI"},
		"no forwarding":             {setup + "sysctl -w net.ipv4.ip_forward=0\n" + join, "ip_forward contents are not set to 1"},
		"label that is not allowed": {setup + "echo 'KUBELET_EXTRA_ARGS=--node-labels=node-restriction.kubernetes.io/x=y' > /etc/default/kubelet\n" + join, "unknown 'kubernetes.io' or 'k8s.io' labels"},
		"flag that kubelet lost":    {setup + "echo 'KUBELET_EXTRA_ARGS=--network-plugin=cni' > /etc/default/kubelet\n" + join, "unknown flag: --network-plugin"},
		"swap":                      {setup + "swapon /swapfile\n" + join, "running with swap on is not supported"},
	}
	launched := map[string]string{}
	for name, tc := range cases {
		launched[name] = w.launch(t, fill.Replace(tc.script))
	}
	for name, id := range launched {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Eventually(func() string { return w.console(id) }).WithTimeout(patience).Should(ContainSubstring(cases[name].console))
		})
	}
	// A join takes a fraction of a second, so whatever wrongly joined would show within these three.
	g := NewWithT(t)
	g.Consistently(func(g Gomega) {
		for name, id := range launched {
			g.Expect(w.nodes(t.Context(), id)).To(BeEmpty(), name)
			g.Expect(w.console(id)).NotTo(ContainSubstring("This node has joined the cluster"))
		}
	}).WithTimeout(3 * time.Second).WithPolling(500 * time.Millisecond).Should(Succeed())
}

// testDenial denies the first request of a node whose token nobody approves by itself:
// the kubelet makes another, with another key, and joins when that is approved.
func (w *world) testDenial(t *testing.T) {
	g := NewWithT(t)
	w.allowGroup(t, "system:bootstrappers:karpenter")
	token := w.token(t, "eeeeee", "system:bootstrappers:karpenter")
	id := w.launch(t, setup+fmt.Sprintf("kubeadm join %s --token %s --discovery-token-ca-cert-hash %s", w.server, token, w.pin))
	pending := func(count int) certificatesv1.CertificateSigningRequest {
		var found []certificatesv1.CertificateSigningRequest
		g.Eventually(func() ([]certificatesv1.CertificateSigningRequest, error) {
			var err error
			found, err = w.requests(t.Context(), "system:bootstrap:eeeeee", certificatesv1.KubeAPIServerClientKubeletSignerName)
			slices.SortFunc(found, func(a, b certificatesv1.CertificateSigningRequest) int {
				return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
			})
			return found, err
		}).WithTimeout(patience).Should(HaveLen(count), func() string { return w.console(id) })
		return found[count-1]
	}
	first := pending(1)
	w.decide(t, first, certificatesv1.CertificateDenied)
	second := pending(2)
	g.Expect(second.Spec.Request).NotTo(Equal(first.Spec.Request))
	g.Expect(w.nodes(t.Context(), id)).To(BeEmpty())
	w.decide(t, second, certificatesv1.CertificateApproved)
	w.ready(t, id)
}

func (w *world) decide(t *testing.T, csr certificatesv1.CertificateSigningRequest, verdict certificatesv1.RequestConditionType) {
	t.Helper()
	csr.Status.Conditions = append(csr.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{Type: verdict, Status: corev1.ConditionTrue, Reason: "Test"})
	_, err := w.kube.CertificatesV1().CertificateSigningRequests().UpdateApproval(t.Context(), csr.Name, &csr, metav1.UpdateOptions{})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// allowGroup lets a group of bootstrap tokens read what kubeadm reads and ask for certificates.
func (w *world) allowGroup(t *testing.T, group string) {
	t.Helper()
	g := NewWithT(t)
	subjects := []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: group}}
	for _, role := range []string{"system:node-bootstrapper", "kubeadm:get-nodes"} {
		_, err := w.kube.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	for _, role := range []string{"kubeadm:nodes-kubeadm-config", "kubeadm:kubelet-config", "kube-proxy"} {
		_, err := w.kube.RbacV1().RoleBindings(metav1.NamespaceSystem).Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		}, metav1.CreateOptions{})
		g.Expect(err).NotTo(HaveOccurred())
	}
}
