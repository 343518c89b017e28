package cloudprovider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/samber/lo"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
)

// order is one launch on its way from a choice to a request.
type order struct {
	claim   *karpv1.NodeClaim
	class   *v1.EC2NodeClass
	cluster cluster.Cluster
	choice  choice
	// parameter names the one that the node fetches its token from; empty when it is in user data.
	parameter string
}

// lot is the candidates of an order that start alike: from one image, with one set of
// kubelet sizes and as many fabric adapters.
type lot struct {
	image string
	sizes kubelet.Sizes
	efas  int
	of    []candidate
}

// render returns o as what EC2 is offered: one group for each lot, with user data that
// holds a live token where the node needs one.
func (c *CloudProvider) render(ctx context.Context, o order) ([]launch.Group, error) {
	lots, err := c.lots(ctx, o)
	if err != nil {
		return nil, err
	}
	token, err := c.secret(ctx, &o)
	if err != nil {
		return nil, err
	}
	groups := make([]launch.Group, len(lots))
	for n, l := range lots {
		userData, err := c.userData(o, l.sizes, token)
		if err != nil {
			return nil, err
		}
		template := newTemplate(o, l, c.config.ReservedCapacity)
		template.UserData, template.Expires = userData, token.Expires
		groups[n] = launch.Group{Template: template, Offers: offers(l.of)}
	}
	return groups, nil
}

// lots sorts the candidates of o; their order stays the order of price. Candidates that no
// image of the class runs on are left out, unless that leaves none.
func (c *CloudProvider) lots(ctx context.Context, o order) ([]lot, error) {
	var lots []lot
	places := map[string]int{}
	for _, candidate := range o.choice.candidates {
		image, ok := imageFor(candidate.it, o.class.Status.AMIs)
		if !ok {
			continue
		}
		l := lot{image: image, efas: adapters(o, candidate.it)}
		if usesSizes(o.class) {
			var err error
			if l.sizes, err = c.Types.Sizes(ctx, o.class, candidate.it.Name); err != nil {
				return nil, fmt.Errorf("sizing kubelet on %s: %w", candidate.it.Name, err)
			}
		}
		key, err := json.Marshal([]any{l.image, l.sizes, l.efas})
		if err != nil {
			return nil, fmt.Errorf("comparing kubelet sizes: %w", err)
		}
		place, ok := places[string(key)]
		if !ok {
			place = len(lots)
			places[string(key)] = place
			lots = append(lots, l)
		}
		lots[place].of = append(lots[place].of, candidate)
	}
	if len(lots) == 0 {
		return nil, &stepError{reasonNoImage, "choosing an image", noImage(o)}
	}
	return lots, nil
}

// usesSizes is false where user data is the user's own, so that types of different sizes
// start from one template.
func usesSizes(class *v1.EC2NodeClass) bool { return class.AMIFamily() != v1.AMIFamilyCustom }

// adapters are attached to who asks for them only: they take network cards.
func adapters(o order, it *karpenter.InstanceType) int {
	if requested := o.claim.Spec.Resources.Requests[v1.ResourceEFA]; requested.IsZero() {
		return 0
	}
	available := it.Capacity[v1.ResourceEFA]
	return int(available.Value())
}

// secret returns the token that user data holds, or none, where the node fetches it: then it
// says in o from where.
func (c *CloudProvider) secret(ctx context.Context, o *order) (join.Token, error) {
	if o.parameter = c.config.InstanceParameter; o.parameter != "" {
		return join.Token{}, nil // it is made once the instance's id is known
	}
	token, err := c.token(ctx, *o)
	if err != nil {
		return join.Token{}, err
	}
	if o.parameter, err = c.deliver(ctx, token); err != nil {
		return join.Token{}, err
	}
	if o.parameter != "" {
		token = join.Token{} // user data shall not hold it, and outlives it
	}
	return token, nil
}

// token returns a live one, or none where user data has no use for it. A machine that
// proves the cluster with the token itself is not launched before cluster-info can be
// verified with it.
func (c *CloudProvider) token(ctx context.Context, o order) (join.Token, error) {
	signs := join.NeedsSigning(c.spec(o, kubelet.Sizes{}, join.Token{}))
	if !signs && !usesSizes(o.class) {
		return join.Token{}, nil
	}
	token, err := c.Tokens.Current(ctx)
	if err != nil {
		return join.Token{}, &stepError{reasonNoToken, "getting a bootstrap token that works", err}
	}
	if !signs {
		return token, nil
	}
	signed, err := c.Tokens.Signed(ctx, token.ID)
	if err == nil && !signed {
		err = errors.New("kube-public/cluster-info bears no signature of it yet; the bootstrapsigner controller of kube-controller-manager makes it")
	}
	if err != nil {
		return join.Token{}, &stepError{reasonNoToken, "checking that machines can verify the cluster with token " + token.ID, err}
	}
	return token, nil
}

// deliver puts token where the node fetches it, and returns where that is.
func (c *CloudProvider) deliver(ctx context.Context, token join.Token) (string, error) {
	if c.Delivery == nil || token.ID == "" {
		return "", nil
	}
	parameter, err := c.Delivery.Deliver(ctx, token)
	if err != nil {
		return "", &stepError{reasonNoToken, "putting the bootstrap token where nodes fetch it", err}
	}
	return parameter, nil
}

func (c *CloudProvider) userData(o order, sizes kubelet.Sizes, token join.Token) (join.UserData, error) {
	userData, err := join.Render(c.spec(o, sizes, token))
	if err != nil {
		return join.UserData{}, fmt.Errorf("rendering user data: %w", err)
	}
	return userData, nil
}

func (c *CloudProvider) spec(o order, sizes kubelet.Sizes, token join.Token) join.Spec {
	return join.Spec{
		Family:             join.Family(o.class.AMIFamily()),
		Cluster:            o.cluster,
		Token:              token,
		Parameter:          o.parameter,
		Region:             c.config.Region,
		Sizes:              sizes,
		Kubelet:            kubeletJSON(o.class),
		Labels:             nodeLabels(o),
		Taints:             append(slices.Clone(o.claim.Spec.Taints), o.claim.Spec.StartupTaints...),
		InstanceStoreRAID0: lo.FromPtr(o.class.Spec.InstanceStorePolicy) == v1.InstanceStorePolicyRAID0,
		Sources:            c.config.Sources,
		UserData:           lo.FromPtr(o.class.Spec.UserData),
	}
}

// kubeletJSON is spec.kubelet as one object; the API server took it as JSON, so it is.
func kubeletJSON(class *v1.EC2NodeClass) []byte {
	if len(class.Spec.Kubelet) == 0 {
		return nil
	}
	return lo.Must(json.Marshal(class.Spec.Kubelet))
}

// nodeLabels are those that the kubelet registers with. Taints come with the kubelet too,
// all of them; that core does not write them again spares nodes a startup taint that its
// owner has removed already.
func nodeLabels(o order) map[string]string {
	labels := maps.Clone(o.claim.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[karpv1.CapacityTypeLabelKey] = o.choice.capacityType
	if usesSizes(o.class) {
		labels[karpv1.NodeDoNotSyncTaintsLabelKey] = "true"
	}
	return labels
}

func offers(candidates []candidate) []launch.Offer {
	var out []launch.Offer
	for _, c := range candidates {
		for _, o := range c.offerings {
			out = append(out, launch.Offer{
				Pool:  pool.Pool{InstanceType: c.it.Name, Zone: o.Zone(), CapacityType: o.CapacityType()},
				Price: o.Price,
			})
		}
	}
	return out
}
