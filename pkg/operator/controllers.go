package operator

import (
	"github.com/awslabs/operatorpkg/controller"
	"github.com/awslabs/operatorpkg/status"
	"k8s.io/client-go/tools/record"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cloudprovider"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/capacity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/csr"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/garbagecollection"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/nodeclass"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/nodepool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/refresh"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/tagging"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
)

// wiring is what controllers are made from.
type wiring struct {
	providers Providers
	provider  *cloudprovider.CloudProvider
	overlaid  karpenter.CloudProvider // provider as NodeOverlays change it
	kube      Kube
	recorder  events.Recorder
	plain     record.EventRecorder // for code of others that wants Kubernetes' own
	clock     Clock
	options   *options.Options
	region    string
	mode      cluster.Mode

	relaxMinValues bool // launch though NodePools' minValues are not met
}

// controllers are all but core's.
func (w wiring) controllers() []controller.Controller {
	p, kube, o := w.providers, w.kube.Client, w.options
	all := []controller.Controller{
		w.nodeClass(),
		nodeclass.NewHash(kube, p.Clusters),
		status.NewController[*v1.EC2NodeClass](kube, w.plain, status.EmitDeprecatedMetrics),
		garbagecollection.New(garbagecollection.Kube{Client: kube, Live: w.kube.Reader}, p.Inventory, w.recorder, w.clock, o.AdoptUntagged),
		garbagecollection.NewTemplates(p.Launcher, p.Clusters),
		tagging.New(kube, p.Inventory, o.ClusterName),
		capacity.New(kube, p.Types, w.measurements(), w.clock),
		refresh.NewTypes(p.Types),
		refresh.NewPrices(p.Offerings),
		refresh.NewOfferings(kube, w.overlaid),
		nodepool.New(kube, w.overlaid, w.recorder, w.relaxMinValues),
	}
	if w.mode == cluster.Kubeadm {
		all = append(all, w.joining()...)
	}
	return all
}

// measurements are kept in the controller's own namespace.
func (w wiring) measurements() *capacity.Store {
	return capacity.NewStore(w.kube.Reader, w.kube.Client, w.options.SystemNamespace, w.clock)
}

// joining are those that make an instance a node of a kubeadm cluster.
func (w wiring) joining() []controller.Controller {
	p, kube := w.providers, w.kube.Client
	diagnosis := join.Options{Inventory: p.Inventory, Clusters: p.Clusters, Region: w.region, Clock: w.clock}
	approvesItself := w.options.CSRApproval == options.Karpenter
	all := []controller.Controller{token.New(kube, w.recorder, p.Tokens, w.clock)}
	if p.Own != nil {
		own := token.NewInstances(kube, w.recorder, p.Tokens, p.Own, w.clock)
		all = append(all, own, token.NewSweep(w.kube.Reader, own))
	}
	if approvesItself {
		approver := csr.New(kube, w.recorder, csr.Options{Inventory: p.Inventory, Tokens: p.Tokens, Region: w.region, Clock: w.clock, Fetched: p.Delivery != nil})
		diagnosis.Held = approver.Held
		all = append(all, approver)
	}
	return append(all, join.New(kube, w.recorder, diagnosis))
}

func (w wiring) nodeClass() *nodeclass.Controller {
	p := w.providers
	deps := nodeclass.Deps{
		Kube: w.kube.Client, Recorder: w.recorder, Clock: w.clock,
		Images: p.Images, Network: p.Network, Profiles: p.Profiles, Clusters: p.Clusters,
		Templates: templates{launcher: p.Launcher, clusters: p.Clusters},
	}
	if !w.options.DisableDryRun {
		deps.DryRun = w.provider
	}
	config := nodeclass.Config{
		ClusterName: w.options.ClusterName, Region: w.region, IsolatedVPC: w.options.IsolatedVPC, Sources: w.options.Sources,
	}
	if w.options.TokenDelivery != options.UserData {
		config.TokenParameter = "/karpenter/" + w.options.ClusterName
	}
	return nodeclass.New(deps, config)
}
