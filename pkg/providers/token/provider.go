package token

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const (
	// Group is what our tokens authenticate in. It may ask for certificates; nothing grants
	// them but our own approver.
	Group = "system:bootstrappers:karpenter"
	// KubeadmGroup is the group of kubeadm's own tokens, whose certificates are approved unasked.
	KubeadmGroup = "system:bootstrappers:kubeadm:default-node-token"

	// believe is how long the current token is taken for alive after it was used. A token
	// that somebody deleted is noticed within it, and is made again.
	believe = 10 * time.Second
	current = "current"
)

// Options of a Provider.
type Options struct {
	Namespace string        // the controller's own
	TTL       time.Duration // of a token; at least MinTTL, zero means DefaultTTL
	Group     string        // that tokens authenticate in; empty means Group
}

// Provider keeps one live bootstrap token. It is safe for concurrent use.
type Provider struct {
	options Options
	config  *rest.Config // without credentials
	kube    kubernetes.Interface
	clock   clock.Clock

	live   *cache.Cache[join.Token]
	signed *cache.Cache[bool]
	known  atomic.Pointer[state] // as it was last read or written
}

// New returns a Provider that reaches the API server by config. It fails on options that
// make no token outlive the registration of a node.
func New(config *rest.Config, options Options, c clock.Clock) (*Provider, error) {
	if options.TTL == 0 {
		options.TTL = DefaultTTL
	}
	if options.TTL < MinTTL {
		return nil, fmt.Errorf("time to live of bootstrap tokens is %s, it must be at least %s", options.TTL, MinTTL)
	}
	if options.Group == "" {
		options.Group = Group
	}
	if options.Namespace == "" {
		return nil, fmt.Errorf("the namespace that holds Secret %s is not set", StateSecret)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &Provider{
		options: options, config: rest.AnonymousClientConfig(config), kube: kube, clock: c,
		live:   cache.New[join.Token](believe, cache.WithClock(c)),
		signed: cache.New[bool](time.Minute, cache.WithClock(c)),
	}, nil
}

// Current returns the token that a node launched now joins with. It was alive at most ten
// seconds ago and has at least half of its time to live before it. An error means that there
// is none to be had, so that nothing may be launched; trying again may help.
func (p *Provider) Current(ctx context.Context) (join.Token, error) {
	token, err := p.live.GetOrLoad(ctx, current, p.ensure)
	if err != nil {
		return join.Token{}, fmt.Errorf("no live bootstrap token: %w", err)
	}
	return token, nil
}

// Maintain makes the next token when it is time, and makes every token again that should
// live and does not.
func (p *Provider) Maintain(ctx context.Context) error {
	p.live.Delete(current)
	if _, err := p.Current(ctx); err != nil {
		return err
	}
	s := p.known.Load()
	if s == nil {
		return nil
	}
	now := p.clock.Now()
	// A token is not made again in its last minute: by the API server's clock it may be over.
	living := s.living(now.Add(time.Minute))
	newest := s.epochs[len(s.epochs)-1]
	for _, epoch := range living {
		if epoch.ID == newest.ID {
			continue // Current did
		}
		if _, err := p.keepAlive(ctx, epoch); err != nil {
			return err
		}
	}
	tokenAge.Set(now.Sub(newest.Created).Seconds(), nil)
	epochsAlive.Set(float64(len(living)), nil)
	return nil
}

// Epochs returns the epochs of the last hours, oldest first.
func (p *Provider) Epochs(ctx context.Context) ([]Epoch, error) {
	s, err := p.readState(ctx)
	if err != nil {
		return nil, err
	}
	epochs := make([]Epoch, 0, len(s.epochs))
	for _, e := range s.epochs {
		epochs = append(epochs, e.Epoch)
	}
	return epochs, nil
}

// Epoch returns the epoch of the token id, false when that token is not ours.
func (p *Provider) Epoch(ctx context.Context, id string) (Epoch, bool, error) {
	if s := p.known.Load(); s != nil {
		if found, ok := s.find(id); ok {
			return found.Epoch, true, nil
		}
	}
	s, err := p.readState(ctx)
	if err != nil {
		return Epoch{}, false, err
	}
	found, ok := s.find(id)
	return found.Epoch, ok, nil
}

// Revoke deletes the token of a retired epoch before it expires.
func (p *Provider) Revoke(ctx context.Context, id string) error {
	if err := p.deleteSecret(ctx, id); err != nil {
		return err
	}
	_, err := p.change(ctx, func(s state) (state, bool, error) {
		found, ok := s.find(id)
		return s.revoked(id, p.clock.Now()), ok && found.Revoked.IsZero(), nil
	})
	if err != nil {
		return fmt.Errorf("revoking bootstrap token %s: %w", id, err)
	}
	log.FromContext(ctx).Info("revoked a bootstrap token that nobody can need any more", "token-id", id)
	return nil
}

// Signed reports whether cluster-info bears the signature of the token id, which
// `kubeadm join --token` verifies.
func (p *Provider) Signed(ctx context.Context, id string) (bool, error) {
	if signed, ok := p.signed.Get(id); ok {
		return signed, nil
	}
	info, err := p.kube.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, bootstrapapi.ConfigMapClusterInfo, metav1.GetOptions{})
	if err != nil {
		return false, fmt.Errorf("getting ConfigMap %s/%s: %w", metav1.NamespacePublic, bootstrapapi.ConfigMapClusterInfo, err)
	}
	if info.Data[bootstrapapi.JWSSignatureKeyPrefix+id] == "" {
		return false, nil // asked again by whoever waits
	}
	p.signed.Set(id, true)
	return true, nil
}

// AutoApproved reports whether some binding of the cluster lets the controller manager
// approve the certificate requests of our tokens unasked, so that our own approver decides
// nothing.
func (p *Provider) AutoApproved(ctx context.Context) (bool, error) {
	review, err := p.kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   bootstrapapi.BootstrapUserPrefix + "000000",
			Groups: []string{bootstrapapi.BootstrapDefaultGroup, p.options.Group, "system:authenticated"},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: "certificates.k8s.io", Resource: "certificatesigningrequests", Subresource: "nodeclient", Verb: "create", Version: "*",
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("asking whether certificate requests of %s are approved unasked: %w", p.options.Group, err)
	}
	return review.Status.Allowed, nil
}
