package plane

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/tools/clientcmd"
)

func TestWithoutWorkloads(t *testing.T) {
	cases := map[string]struct {
		manifests string
		want      []string
		err       string
	}{
		"what makes no pods is kept": {
			manifests: "---\napiVersion: v1\nkind: Service\nmetadata: {name: kube-dns}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: coredns}\n",
			want:      []string{"Service/kube-dns", "ConfigMap/coredns"},
		},
		"what makes pods is not": {
			manifests: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: coredns}\n---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: kube-proxy}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: coredns}\n",
			want:      []string{"ServiceAccount/coredns"},
		},
		"empty documents are nothing": {manifests: "---\n\n---\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n", want: []string{"Service/a"}},
		"no YAML is an error":         {manifests: "a: b: c", err: "reading the addons' manifests"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			objects, err := withoutWorkloads([]byte(c.manifests))
			if c.err != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.err)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			var names []string
			for _, o := range objects {
				names = append(names, o.GetKind()+"/"+o.GetName())
			}
			g.Expect(names).To(Equal(c.want))
		})
	}
}

func TestClusterAdmins(t *testing.T) {
	g := NewWithT(t)
	object, err := clusterAdmins()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(object.GroupVersionKind().String()).To(Equal("rbac.authorization.k8s.io/v1, Kind=ClusterRoleBinding"))
	g.Expect(object.Object["roleRef"]).To(HaveKeyWithValue("name", "cluster-admin"))
	g.Expect(object.Object["subjects"]).To(ConsistOf(And(HaveKeyWithValue("kind", "Group"), HaveKeyWithValue("name", "kubeadm:cluster-admins"))))
}

func TestRetarget(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "scheduler.conf")
	g.Expect(os.WriteFile(path, []byte(`apiVersion: v1
kind: Config
clusters:
- {name: kubernetes, cluster: {server: "https://192.0.2.10:6443", certificate-authority-data: QQ==}}
contexts:
- {name: c, context: {cluster: kubernetes, user: u}}
current-context: c
users:
- {name: u, user: {token: t}}
`), 0o600)).To(Succeed())
	g.Expect(retarget(path, "127.70.1.2:6443")).To(Succeed())
	config, err := clientcmd.LoadFromFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Clusters["kubernetes"].Server).To(Equal("https://127.70.1.2:6443"))
	g.Expect(string(config.Clusters["kubernetes"].CertificateAuthorityData)).To(Equal("A"))
	g.Expect(config.AuthInfos["u"].Token).To(Equal("t"))
	g.Expect(retarget(filepath.Join(t.TempDir(), "absent"), "x")).To(MatchError(os.ErrNotExist))
}
