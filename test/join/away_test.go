package join_test

import (
	"context"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

const (
	// hurry makes a minute of the waiting of kubeadm and kubelet two seconds.
	hurry = 30
	// away is ten minutes and a bit: just then kubelets start for the third time, and one that
	// is given a certificate while it starts loses it, in life one in hundreds.
	away = 12 * time.Minute
	// Nodes of a new kubeadm, and of one before 1.31, ask while the controller is away.
	nodesOfNew, nodesOfOld = 45, 5
)

// joining is an instance and the machine that it is.
type joining struct {
	instance instance.Instance
	machine  *machine.Machine
}

// hurryAll makes all machines wait so many times as fast.
func hurryAll(all []joining, times int) {
	for _, j := range all {
		j.machine.Hurry(times)
	}
}

// controllerAway has instances boot while no controller runs, and for ten minutes. Kubelets
// give up every five minutes, and start again with a new key; kubeadm before 1.31 gives up
// after five, and our script resets and joins again.
// From then on one runs until whole ends.
func (w *world) controllerAway(t, whole *testing.T) {
	t.Helper()
	g := NewWithT(t)
	w.stop()
	back := sync.OnceFunc(func() { w.approve(whole, w.config) })
	defer back() // what runs after a failure here needs it too
	spec := w.spec(t, "")
	w.madeByOldKubeadm(t)
	all := w.bootAndAsk(t, nodesOfNew, spec)
	spec.Cluster.Version = cluster.Version{Major: 1, Minor: 30, Patch: 4}
	all = append(all, w.bootAndAsk(t, nodesOfOld, spec)...)
	hurryAll(all, hurry)
	<-time.After(away / hurry) // it is this time that is tested
	hurryAll(all, 1)
	for _, j := range all {
		g.Expect(w.requests(t, g, nodeOf(j.instance))).To(And(Not(HaveLen(1)), HaveEach(HaveField("Status.Conditions", BeEmpty()))), "it has asked again")
	}

	back()
	for _, j := range all {
		w.expectReady(t, j.machine, j.instance)
		g.Expect(approved(w.requests(t, g, nodeOf(j.instance)))).To(HaveLen(1), "one certificate for each")
	}
}

// madeByOldKubeadm has kubeadm-config say, until t ends, what kubeadm before 1.31 wrote there,
// which alone can be read by a kubeadm of that age.
func (w *world) madeByOldKubeadm(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	key := client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "kubeadm-config"}
	set := func(change func(string) string) {
		g.Expect(retry.RetryOnConflict(retry.DefaultRetry, func() error {
			var config corev1.ConfigMap
			if err := w.admin.Get(context.WithoutCancel(t.Context()), key, &config); err != nil {
				return err
			}
			config.Data["ClusterConfiguration"] = change(config.Data["ClusterConfiguration"])
			return w.admin.Update(context.WithoutCancel(t.Context()), &config)
		})).To(Succeed())
	}
	var before string
	set(func(now string) string {
		before = now
		var all map[string]any
		g.Expect(yaml.Unmarshal([]byte(now), &all)).To(Succeed())
		kept := map[string]any{"apiVersion": "kubeadm.k8s.io/v1beta3"}
		for _, key := range []string{"kind", "kubernetesVersion", "clusterName", "controlPlaneEndpoint", "networking", "imageRepository", "certificatesDir"} {
			if value, ok := all[key]; ok {
				kept[key] = value
			}
		}
		old, err := yaml.Marshal(kept)
		g.Expect(err).NotTo(HaveOccurred())
		return string(old)
	})
	t.Cleanup(func() { set(func(string) string { return before }) })
}

// bootAndAsk boots instances and waits until every one has asked for its certificate.
func (w *world) bootAndAsk(t *testing.T, count int, spec join.Spec) []joining {
	t.Helper()
	all := make([]joining, count)
	for n := range all {
		i := w.arrive(t)
		all[n] = joining{i, boot(t, i, spec)}
	}
	NewWithT(t).Eventually(func(g Gomega) {
		for _, j := range all {
			g.Expect(w.requests(t, g, nodeOf(j.instance))).NotTo(BeEmpty(), j.machine.Console.Text())
		}
	}, patience, time.Second).Should(Succeed())
	return all
}

func approved(requests []certificatesv1.CertificateSigningRequest) []string {
	var names []string
	for _, request := range requests {
		for _, condition := range request.Status.Conditions {
			if condition.Type == certificatesv1.CertificateApproved && condition.Status == corev1.ConditionTrue {
				names = append(names, request.Name)
			}
		}
	}
	return names
}

// restarted has the API server end while some instances boot, some wait for their certificate
// and some register.
func (w *world) restarted(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	var all []joining
	for range 20 {
		i := w.arrive(t)
		all = append(all, joining{i, boot(t, i, w.spec(t, ""))})
	}
	g.Eventually(func(g Gomega) {
		g.Expect(w.requests(t, g, nodeOf(all[0].instance))).NotTo(BeEmpty())
	}, patience, 50*time.Millisecond).Should(Succeed())
	g.Expect(w.control.RestartAPIServer()).To(Succeed())
	for _, j := range all {
		w.expectReady(t, j.machine, j.instance)
	}
}
