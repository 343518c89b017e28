package token

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

	// PerInstance: nodes join with tokens of OfInstance, so none that is shared is made.
	PerInstance bool
	// Source has the shared token, which somebody else makes and rotates; nil where this
	// package does. Nothing is created in kube-system then.
	Source Source

	// RequestTimeout is how long one request may take; zero means ten seconds.
	RequestTimeout time.Duration
}

// Source has a token that somebody else makes and rotates.
type Source interface {
	// Read returns the token's value as it is now. Its error does not hold the value.
	Read(ctx context.Context) (string, error)
	// String says where that is, for people.
	String() string
}

// Provider keeps one live bootstrap token. It is safe for concurrent use.
type Provider struct {
	options Options
	config  *rest.Config // without credentials
	kube    kubernetes.Interface
	clock   clock.Clock

	live    *cache.Cache[join.Token]
	signed  *cache.Cache[bool]
	masters *cache.Cache[[]byte]
	expiry  *cache.Cache[expiry]  // of given tokens, by id
	known   atomic.Pointer[state] // as it was last read or written
}

// New returns a Provider that reaches the API server by config. It fails on options that
// make no token outlive the registration of a node.
func New(config *rest.Config, options Options, c clock.Clock) (*Provider, error) {
	options.TTL = cmp.Or(options.TTL, DefaultTTL)
	if options.TTL < MinTTL {
		return nil, fmt.Errorf("time to live of bootstrap tokens is %s, it must be at least %s", options.TTL, MinTTL)
	}
	options.Group = cmp.Or(options.Group, Group)
	options.RequestTimeout = cmp.Or(options.RequestTimeout, requestTimeout)
	if options.Namespace == "" {
		return nil, fmt.Errorf("the namespace that holds Secret %s is not set", StateSecret)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &Provider{
		options: options, config: rest.AnonymousClientConfig(config), kube: kube, clock: c,
		live:    cache.New[join.Token](believe, cache.WithClock(c)),
		signed:  cache.New[bool](time.Minute, cache.WithClock(c)),
		masters: cache.New[[]byte](believeMaster, cache.WithClock(c)),
		expiry:  cache.New[expiry](believeExpiry, cache.WithClock(c)),
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
	renew := func(ctx context.Context) error { _, err := p.Current(ctx); return err }
	if p.options.PerInstance {
		renew = p.retire
	}
	if err := renew(ctx); err != nil {
		return err
	}
	s := p.known.Load()
	if s == nil || len(s.epochs) == 0 {
		return nil
	}
	now := p.clock.Now()
	// A token is not made again in its last minute: by the API server's clock it may be over.
	living := s.living(now.Add(time.Minute))
	newest := s.epochs[len(s.epochs)-1]
	for _, epoch := range living {
		renewed := epoch.ID == newest.ID && !p.options.PerInstance
		if renewed || !p.keeps(epoch) {
			continue
		}
		if _, err := p.keepAlive(ctx, epoch); err != nil {
			failed(err)
			return err
		}
	}
	tokenAge.Set(now.Sub(newest.Created).Seconds(), nil)
	epochsAlive.Set(float64(len(living)), nil)
	return nil
}

// keeps reports whether epoch's Secret is ours to make again.
func (p *Provider) keeps(epoch kept) bool { return !epoch.Given && p.options.Source == nil }

// retire has no shared token be current, so that those there are end when nobody needs them.
func (p *Provider) retire(ctx context.Context) error {
	_, err := p.change(ctx, func(s state) (state, bool, error) {
		shared := slices.ContainsFunc(s.epochs, func(e kept) bool { return e.Retired.IsZero() })
		return s.with(s.retired(p.clock.Now().UTC())), shared, nil
	})
	if err != nil {
		return fmt.Errorf("retiring the bootstrap token that nodes shared: %w", err)
	}
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

// Revoke deletes the token of a retired epoch before it expires. One that somebody else
// made is theirs to delete; from then on it is no token of ours.
func (p *Provider) Revoke(ctx context.Context, id string) error {
	s, err := p.readState(ctx)
	if err != nil {
		return err
	}
	if found, _ := s.find(id); !found.Given {
		err := p.deleteSecret(ctx, id)
		if p.options.Source != nil && apierrors.IsForbidden(err) {
			err = nil // without the right to, as the chart has it then, it expires by itself
		}
		if err != nil {
			return err
		}
	}
	_, err = p.change(ctx, func(s state) (state, bool, error) {
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
	var info *corev1.ConfigMap
	err := p.request(ctx, func(ctx context.Context) error {
		var err error
		info, err = p.kube.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, bootstrapapi.ConfigMapClusterInfo, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("getting ConfigMap %s/%s: %w", metav1.NamespacePublic, bootstrapapi.ConfigMapClusterInfo, err)
	}
	if info.Data[bootstrapapi.JWSSignatureKeyPrefix+id] == "" {
		return false, nil // asked again by whoever waits
	}
	p.signed.Set(id, true)
	return true, nil
}
