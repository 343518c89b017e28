package contract_test

import (
	"context"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
)

// inventoryContracts are about instances that the product launched.
func inventoryContracts() []contract {
	return []contract{
		{"the product describes what it launched", productGet},
		{"the product lists its instances, and not those of another cluster", productList},
		{"the product tells instances of a cluster with its name apart", productForeign},
		{"the product tags an instance", productTag},
		{"the product ends an instance, and then does not find it", productTerminate},
		{"the product ends many instances", productTerminateMany},
		{"the product does not find an instance that never was", productAbsent},
		{"the product reboots an instance", productReboot},
	}
}

func ids(list []instance.Instance) []instance.ID {
	return lo.Map(list, func(i instance.Instance, _ int) instance.ID { return i.ID })
}

func productGet(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	launched := a.launch(ctx, g, p, types.UID(a.name("claim")))
	got, err := p.inventory.Get(ctx, launched.ID)
	g.Expect(err).NotTo(HaveOccurred())
	found := a.ofCluster(ctx, g, p)
	g.Expect(found).To(HaveLen(1))
	g.Expect(got.Pool).To(Equal(launched.Pool))
	g.Expect(got.PrivateIP.String()).To(Equal(*found[0].PrivateIpAddress))
	g.Expect(got.SubnetID).To(Equal(*found[0].SubnetId))
	g.Expect(got.ImageID).To(Equal(a.image))
	g.Expect(got.Tags).To(HaveKeyWithValue(v1.NodePoolTagKey, "workers"))
}

func productList(ctx context.Context, g Gomega, a *account) {
	p, other := a.newProduct(g), a.newProduct(g)
	launched, errs := a.launchAll(ctx, p, 3)
	g.Expect(errs).To(HaveEach(BeNil()))
	a.launch(ctx, g, other, types.UID(a.name("claim")))
	got, err := a.restarted(g, p.cluster).inventory.List(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(got)).To(ConsistOf(ids(launched)))
}

func productForeign(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	namesake := p.cluster
	namesake.UID = a.name("uid")
	launched := a.launch(ctx, g, p, types.UID(a.name("claim")))
	other := a.restarted(g, namesake)
	ours, err := other.inventory.List(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ours).To(BeEmpty())
	foreign, err := other.inventory.Foreign(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(foreign)).To(ConsistOf(launched.ID))
	var refused *inventory.ForeignError
	g.Expect(other.inventory.Terminate(ctx, launched.ID)).To(BeAssignableToTypeOf(refused))
	g.Expect(a.ofCluster(ctx, g, p)).To(HaveLen(1))
}

func productTag(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	id := a.launch(ctx, g, p, types.UID(a.name("claim"))).ID
	g.Expect(p.inventory.Tag(ctx, id, map[string]string{v1.NameTagKey: "node-a", v1.NodeClaimTagKey: "workers-abcde"})).To(Succeed())
	got := a.tagsOf(ctx, g, string(id))
	g.Expect(got).To(And(HaveKeyWithValue("Name", "node-a"), HaveKeyWithValue(v1.NodeClaimTagKey, "workers-abcde"), HaveKeyWithValue(v1.NodePoolTagKey, "workers")))
}

func productTerminate(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	id := a.launch(ctx, g, p, types.UID(a.name("claim"))).ID
	g.Expect(p.inventory.Terminate(ctx, id)).To(Succeed())
	a.eventually(ctx, g, string(id), ec2types.InstanceStateNameTerminated)
	_, err := p.inventory.Get(ctx, id)
	g.Expect(err).To(MatchError(instance.ErrNotFound))
	g.Expect(p.inventory.Terminate(ctx, id)).To(MatchError(instance.ErrNotFound))
	left, err := a.restarted(g, p.cluster).inventory.List(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(BeEmpty())
}

func productTerminateMany(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	launched, errs := a.launchAll(ctx, p, 5)
	g.Expect(errs).To(HaveEach(BeNil()))
	failed := lo.Map(launched, func(i instance.Instance, _ int) error { return p.inventory.Terminate(ctx, i.ID) })
	g.Expect(failed).To(HaveEach(BeNil()))
	g.Expect(a.ofCluster(ctx, g, p)).To(BeEmpty())
}

func productAbsent(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	_, err := p.inventory.Get(ctx, "i-0123456789abcdef0")
	g.Expect(err).To(MatchError(instance.ErrNotFound))
	g.Expect(p.inventory.Terminate(ctx, "i-0123456789abcdef0")).To(MatchError(instance.ErrNotFound))
}

func productReboot(ctx context.Context, g Gomega, a *account) {
	p := a.newProduct(g)
	id := a.launch(ctx, g, p, types.UID(a.name("claim"))).ID
	a.eventually(ctx, g, string(id), ec2types.InstanceStateNameRunning)
	g.Expect(p.inventory.Reboot(ctx, id)).To(Succeed())
	a.eventually(ctx, g, string(id), ec2types.InstanceStateNameRunning)
}
