package contract_test

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/ami"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/network"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering"
)

// product is the product's own providers, wired to each other as the controller wires them. What they
// ask the API server for is fixed: a cluster, and NodeClaims that name no instance yet.
type product struct {
	cluster   cluster.Cluster
	network   *network.Provider
	images    *ami.Provider
	profiles  *identity.Provider
	types     *instancetype.Provider
	offerings *offering.Provider
	inventory *inventory.Provider
	launcher  *launch.Provider
}

// fixedCluster is what the API server would tell.
type fixedCluster struct{ cluster.Cluster }

func (c fixedCluster) Get(context.Context) (cluster.Cluster, error) { return c.Cluster, nil }

type noClaims struct{}

func (noClaims) Owned(context.Context) (map[instance.ID]bool, error) {
	return map[instance.ID]bool{}, nil
}

// newProduct is the controller of a cluster that nothing was launched for yet.
func (a *account) newProduct(g Gomega) *product {
	return a.restarted(g, cluster.Cluster{
		Mode: cluster.Kubeadm, Version: cluster.Version{Major: 1, Minor: 33}, Name: a.name("cluster"), UID: a.name("uid"),
	})
}

// restarted is the controller of c after a restart that these claims outlived without an instance.
func (a *account) restarted(g Gomega, c cluster.Cluster, claims ...types.UID) *product {
	clk, where := clock.RealClock{}, fixedCluster{c}
	p := &product{
		cluster:   c,
		network:   network.New(a.ec2, clk, network.Refresh{}),
		images:    ami.New(ami.Sources{Images: a.ec2, Parameters: a.ssm, Clusters: where}, clk, 0),
		profiles:  identity.New(a.iam, clk),
		types:     instancetype.New(a.ec2, instancetype.Config{Region: a.cfg.Region, MemoryOverheadPercent: 0.075}),
		inventory: inventory.New(inventory.Deps{API: a.ec2, Clusters: where, Clock: clk}),
	}
	var err error
	p.offerings, err = offering.New(offering.Config{Region: a.cfg.Region}, offering.Sources{
		Types: p.types, Clusters: where, Spot: a.ec2, OnDemand: a.pricing, Clock: clk,
	})
	g.Expect(err).NotTo(HaveOccurred())
	p.launcher = launch.New(launch.Deps{
		API: a.ec2, Finder: p.inventory, Claims: noClaims{}, Addresses: p.network, Refuser: p.offerings, Clock: clk,
	})
	p.launcher.Begin(claims)
	return p
}

// class selects the subnets, the group and the image that contracts share.
func (a *account) class() *v1.EC2NodeClass {
	class := &v1.EC2NodeClass{}
	class.Name = "default"
	class.Spec.AMIFamily = aws.String(v1.AMIFamilyCustom)
	class.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{SSMParameter: publicImage}}
	for _, s := range a.subnets {
		class.Spec.SubnetSelectorTerms = append(class.Spec.SubnetSelectorTerms, v1.SubnetSelectorTerm{ID: *s.SubnetId})
		class.Status.Subnets = append(class.Status.Subnets, v1.Subnet{ID: *s.SubnetId, Zone: *s.AvailabilityZone, ZoneID: *s.AvailabilityZoneId})
	}
	class.Spec.SecurityGroupSelectorTerms = []v1.SecurityGroupSelectorTerm{{ID: a.group}}
	return class
}

// request is one for a node of either shared type in either zone.
func (a *account) request(p *product, claim types.UID, change ...func(*launch.Request)) launch.Request {
	request := launch.Request{
		Claim: claim, Class: "default", ClusterUID: p.cluster.UID, CapacityType: karpv1.CapacityTypeOnDemand,
		Subnets: a.class().Status.Subnets, Addresses: 1,
		Tags: map[string]string{
			runTag: a.run, v1.NodePoolTagKey: "workers", v1.NodeClassTagKey: "default",
			v1.EKSClusterNameTagKey: p.cluster.Name, v1.ClusterTagKey(p.cluster.Name): "owned",
		},
		Groups: []launch.Group{{
			Template: launch.Template{
				ImageID: a.image, InstanceProfile: a.profile, SecurityGroupIDs: []string{a.group}, Tenancy: "default",
				UserData: join.NewUserData([]byte(script)),
			},
		}},
	}
	for _, s := range a.subnets {
		request.Groups[0].Offers = append(request.Groups[0].Offers,
			launch.Offer{Pool: pool.Pool{InstanceType: small, Zone: *s.AvailabilityZone, CapacityType: karpv1.CapacityTypeOnDemand}, Price: 0.05},
			launch.Offer{Pool: pool.Pool{InstanceType: large, Zone: *s.AvailabilityZone, CapacityType: karpv1.CapacityTypeOnDemand}, Price: 0.12})
	}
	for _, edit := range change {
		edit(&request)
	}
	return request
}

// launch starts one instance for claim.
func (a *account) launch(ctx context.Context, g Gomega, p *product, claim types.UID, change ...func(*launch.Request)) instance.Instance {
	got, err := p.launcher.Launch(ctx, a.request(p, claim, change...))
	g.Expect(err).NotTo(HaveOccurred())
	return got
}

// launchAll starts one instance for each of n claims, side by side.
func (a *account) launchAll(ctx context.Context, p *product, n int) ([]instance.Instance, []error) {
	got, errs := make([]instance.Instance, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		claim := types.UID(a.name("claim"))
		all.Go(func() { got[i], errs[i] = p.launcher.Launch(ctx, a.request(p, claim)) })
	}
	all.Wait()
	return got, errs
}

// ofCluster are the instances that bear the cluster's UID and are not ending, by the SDK.
func (a *account) ofCluster(ctx context.Context, g Gomega, p *product) []ec2types.Instance {
	found := a.instances(ctx, g, where("tag:"+v1.ClusterUIDTagKey, p.cluster.UID)...)
	return lo.Filter(found, func(i ec2types.Instance, _ int) bool { return !gone(i) })
}
