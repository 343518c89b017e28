package cloudprovider

import (
	"testing"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

func TestUserDataSaysWhereToFetchFrom(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	deps := Deps{Recorder: p, Clock: clocktesting.NewFakePassiveClock(now), Types: p, Launcher: p, Inventory: inventoryOf{p}, Clusters: clustersOf{p}, Tokens: p}
	provider := New(deps, Config{Region: "ap-northeast-2", Sources: join.Sources{Packages: "https://mirror.example.com/k8s"}})
	groups, err := provider.render(t.Context(), p.order(t, ubuntu("default")))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(groups[0].Template.UserData.Bytes())).To(ContainSubstring("package_repository='https://mirror.example.com/k8s'"))
}
