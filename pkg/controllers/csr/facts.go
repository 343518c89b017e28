package csr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/awslabs/operatorpkg/status"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

// epoch is that of the token id, false when the token is not ours: an instance's own, or one
// that many share. Claims that do not wait any more count too, so that what is asked with
// their tokens is judged and not left lying.
func (c *Controller) epoch(ctx context.Context, id string) (token.Epoch, bool, error) {
	claims, err := c.claims(ctx)
	if err != nil {
		return token.Epoch{}, false, err
	}
	for _, claim := range claims {
		owner, launched := instanceID(claim.Status.ProviderID)
		if !launched || !hasOwnToken(claim) {
			continue
		}
		own, err := c.tokens.OfInstance(ctx, owner)
		if err != nil {
			return token.Epoch{}, false, err
		}
		if own.ID == id {
			return token.Epoch{ID: id, Instance: owner}, true, nil
		}
	}
	return c.tokens.Epoch(ctx, id)
}

// hasOwnToken reports whether claim's instance was launched to join with a token of its own.
func hasOwnToken(claim *karpv1.NodeClaim) bool {
	return claim.Annotations[v1.AnnotationTokenDelivery] == v1.TokenDeliveryPerInstance
}

// clientFacts gathers what the rules for client certificates ask for.
func (c *Controller) clientFacts(ctx context.Context, r request, epoch token.Epoch) (clientFacts, error) {
	facts := clientFacts{request: r, epoch: epoch, fetched: c.fetched, now: c.clock.Now()}
	if !r.forNode() {
		return facts, nil // the first rule needs no more
	}
	if err := c.findClaim(ctx, &facts); err != nil || facts.claim == nil {
		return facts, err
	}
	var err error
	if facts.newer, err = c.newer(ctx, r); err != nil {
		return facts, err
	}
	var node corev1.Node
	err = c.kube.Get(ctx, client.ObjectKey{Name: r.node()}, &node)
	if apierrors.IsNotFound(err) {
		return facts, nil
	}
	if err != nil {
		return facts, fmt.Errorf("getting node %s: %w", r.node(), err)
	}
	facts.node = &node
	if id, ok := instanceID(node.Spec.ProviderID); ok {
		facts.nodeInstance, err = c.instance(ctx, id)
		return facts, err
	}
	return facts, nil
}

// newer is the name of the latest undecided request with r's token for r's node, empty when
// that is r. Kubelets do not ask again for a while, so that what is young is not compared: in
// a rush of nodes nearly all are.
func (c *Controller) newer(ctx context.Context, r request) (string, error) {
	if c.clock.Since(r.Created) < askedAgain {
		return "", nil
	}
	var list certificatesv1.CertificateSigningRequestList
	if err := c.kube.List(ctx, &list, &client.ListOptions{UnsafeDisableDeepCopy: ptr.To(true)}); err != nil {
		return "", fmt.Errorf("listing certificate requests: %w", err)
	}
	name, latest := "", r.Created
	for i := range list.Items {
		object := &list.Items[i]
		if object.Spec.SignerName != certificatesv1.KubeAPIServerClientKubeletSignerName || object.Spec.Username != r.Username ||
			!object.CreationTimestamp.After(latest) || decided(object) {
			continue
		}
		if other, err := parse(object); err == nil && other.Subject == r.Subject {
			name, latest = object.Name, other.Created
		}
	}
	return name, nil
}

// findClaim looks for the claim that waits for the node, else for one that has it.
func (c *Controller) findClaim(ctx context.Context, facts *clientFacts) error {
	claims, err := c.claims(ctx)
	if err != nil {
		return err
	}
	c.learnNames(ctx, claims)
	for _, claim := range claims {
		if err := c.consider(ctx, claim, facts); err != nil {
			return err
		}
	}
	if facts.claim == nil {
		return nil
	}
	facts.claim = facts.claim.DeepCopy()
	id, ok := instanceID(facts.claim.Status.ProviderID)
	if !ok {
		return nil
	}
	facts.instance, err = c.instance(ctx, id)
	return err
}

// learnNames asks for the names of all claims that wait at once, which the inventory makes one
// call of: asked one after the other, a hundred instances that have just been launched would
// keep every request waiting for seconds. What fails is asked again by who needs it.
func (c *Controller) learnNames(ctx context.Context, claims []*karpv1.NodeClaim) {
	var all sync.WaitGroup
	for _, claim := range claims {
		id, launched := instanceID(claim.Status.ProviderID)
		if _, known := c.nodeNames.Get(string(id)); !launched || known || isRegistered(claim) {
			continue
		}
		all.Go(func() { _, _ = c.names(ctx, claim) })
	}
	all.Wait()
}

// claims are the NodeClaims of this provider. They are those of the client's cache, so they
// must not be changed: copying thousands for each request would cost more than judging it.
func (c *Controller) claims(ctx context.Context) ([]*karpv1.NodeClaim, error) {
	var list karpv1.NodeClaimList
	if err := c.kube.List(ctx, &list, &client.ListOptions{UnsafeDisableDeepCopy: ptr.To(true)}); err != nil {
		return nil, fmt.Errorf("listing NodeClaims: %w", err)
	}
	claims := make([]*karpv1.NodeClaim, 0, len(list.Items))
	for i := range list.Items {
		if ref := list.Items[i].Spec.NodeClassRef; ref != nil && ref.Group == apis.Group {
			claims = append(claims, &list.Items[i])
		}
	}
	return claims, nil
}

// isRegistered reports whether claim's node has registered. It changes nothing on claim.
func isRegistered(claim *karpv1.NodeClaim) bool {
	return claim.StatusConditions(status.WithObservedOnly()).IsTrue(karpv1.ConditionTypeRegistered)
}

// consider takes claim for the request's if it fits better than what was found before.
func (c *Controller) consider(ctx context.Context, claim *karpv1.NodeClaim, facts *clientFacts) error {
	fits := claim.Status.NodeName == facts.request.node()
	if !isRegistered(claim) {
		names, err := c.names(ctx, claim)
		if err != nil {
			return err
		}
		fits = fits || slices.Contains(names, facts.request.node())
		if len(names) == 0 && claim.DeletionTimestamp.IsZero() {
			facts.unknown++
		}
	}
	if fits && !better(facts.claim, claim) {
		facts.claim = claim
	}
	return nil
}

// instanceID is the instance in a provider id, false when it names none.
func instanceID(providerID string) (instance.ID, bool) {
	id, err := instance.ParseProviderID(providerID)
	return id, err == nil
}

// better reports whether known fits at least as well as other does: a claim that waits for
// its node comes before one that is done or on its way out, since addresses are reused.
func better(known, other *karpv1.NodeClaim) bool {
	if known == nil {
		return false
	}
	waits := known.DeletionTimestamp.IsZero() && !isRegistered(known)
	return waits || !other.DeletionTimestamp.IsZero()
}

// names are the names that claim's node may have, none while EC2 does not show its instance
// with its address. They do not change, so they are kept; that there are none is kept for a
// moment, in which hundreds of requests may ask.
func (c *Controller) names(ctx context.Context, claim *karpv1.NodeClaim) ([]string, error) {
	id, launched := instanceID(claim.Status.ProviderID)
	if !launched {
		return nil, nil
	}
	if known, ok := c.nodeNames.Get(string(id)); ok {
		return known, nil
	}
	found, err := c.instance(ctx, id)
	if err != nil {
		return nil, err
	}
	if !found.PrivateIP.IsValid() {
		c.nodeNames.SetFor(string(id), nil, unseen)
		return nil, nil
	}
	names := found.NodeNames(c.region)
	c.nodeNames.Set(string(id), names)
	return names, nil
}

// instance returns the instance id, the zero one when EC2 does not show it.
func (c *Controller) instance(ctx context.Context, id instance.ID) (instance.Instance, error) {
	found, err := c.inventory.Get(ctx, id)
	if errors.Is(err, instance.ErrNotFound) {
		return instance.Instance{}, nil
	}
	if err != nil {
		return instance.Instance{}, fmt.Errorf("looking up instance %s: %w", id, err)
	}
	return found, nil
}

// servingFacts gathers what the rules for serving certificates ask for. The claim is nil
// when the node is not one of ours, and pending true when the node is not there yet.
func (c *Controller) servingFacts(ctx context.Context, r request, nodeName string) (facts servingFacts, pending bool, err error) {
	facts = servingFacts{request: r, region: c.region}
	var node corev1.Node
	if err := c.kube.Get(ctx, client.ObjectKey{Name: nodeName}, &node); err != nil {
		if apierrors.IsNotFound(err) {
			return facts, true, nil
		}
		return facts, false, fmt.Errorf("getting node %s: %w", nodeName, err)
	}
	id, ok := instanceID(node.Spec.ProviderID)
	if !ok {
		return facts, node.Spec.ProviderID == "", nil
	}
	claims, err := c.claims(ctx)
	if err != nil {
		return facts, false, err
	}
	for _, claim := range claims {
		if claim.Status.ProviderID == node.Spec.ProviderID {
			facts.claim = claim.DeepCopy()
			facts.instance, err = c.instance(ctx, id)
			return facts, false, err
		}
	}
	return facts, false, nil
}
