package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	bootstraputil "k8s.io/cluster-bootstrap/token/util"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const (
	// Outlives is how long a node may need its token: Karpenter gives it 15 minutes to register,
	// and the launch before that five.
	Outlives = 20 * time.Minute

	// believeExpiry is how long what was found out about a given token is not asked again.
	believeExpiry = 10 * time.Minute
)

// errUnusable says that a given token does not do.
var errUnusable = errors.New("not usable")

// expiry is what is known about a given token. Its Secret may not be ours to read.
type expiry struct {
	groups []string
	at     time.Time // zero for never, and where it is not readable
	err    error     // why it cannot be told
}

// ensureGiven returns the token that Source has, alive.
func (p *Provider) ensureGiven(ctx context.Context) (join.Token, error) {
	token, err := p.readGiven(ctx)
	if err != nil {
		return join.Token{}, err
	}
	groups, known, err := p.groups(ctx, token)
	if err != nil {
		return join.Token{}, err
	}
	if !known {
		return join.Token{}, p.unusable("the API server does not know token %s: it has expired, was deleted or is another cluster's; put a live one there, "+
			"made with `kubeadm token create --groups %s`", token.ID, Group)
	}
	now := p.clock.Now()
	if known, ok := p.expiry.Get(token.ID); ok && !known.at.IsZero() && known.at.Sub(now) < Outlives {
		p.expiry.Delete(token.ID) // it may have been prolonged
	}
	details, err := p.expiry.GetOrLoad(ctx, token.ID, func(ctx context.Context) (expiry, error) { return p.inspect(ctx, token, groups) })
	if err != nil {
		return join.Token{}, err
	}
	token.Expires = details.at
	if err := p.note(ctx, token); err != nil {
		return join.Token{}, err
	}
	if token.Expires.IsZero() {
		token.Expires = now.Add(DefaultTTL) // so that launch templates with it do not stay for good
	}
	return token, nil
}

func (p *Provider) readGiven(ctx context.Context) (join.Token, error) {
	value, err := p.options.Source.Read(ctx)
	if err != nil {
		return join.Token{}, err
	}
	value = strings.TrimSpace(value)
	if !bootstraputil.IsValidBootstrapToken(value) {
		return join.Token{}, p.unusable("it holds no bootstrap token, which is six and sixteen of a-z and 0-9 with a dot between them")
	}
	id, secret, _ := strings.Cut(value, ".")
	return join.Token{ID: id, Secret: secret}, nil
}

func (p *Provider) unusable(format string, args ...any) error {
	return fmt.Errorf("the token in %s is %w: %s", p.options.Source, errUnusable, fmt.Sprintf(format, args...))
}

// inspect finds out what can be known of a token that lives.
func (p *Provider) inspect(ctx context.Context, token join.Token, groups []string) (expiry, error) {
	as, err := p.as(token)
	if err != nil {
		return expiry{}, err
	}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Group: "certificates.k8s.io", Resource: "certificatesigningrequests", Verb: "create"},
	}}
	err = p.request(ctx, func(ctx context.Context) error {
		var err error
		review, err = as.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return expiry{}, fmt.Errorf("asking what bootstrap token %s may do: %w", token.ID, err)
	}
	found := expiry{groups: slices.DeleteFunc(slices.Clone(groups), func(group string) bool { return group == "system:authenticated" })}
	if !review.Status.Allowed {
		return expiry{}, p.unusable("token %s is in %s, of which none may ask for a node's certificate; make one with `kubeadm token create --groups %s`",
			token.ID, strings.Join(found.groups, ", "), Group)
	}
	found.at, found.err = p.expires(ctx, token.ID)
	return found, nil
}

// expires is when the token ends by its Secret, zero for never. The chart does not let us
// read it; who wants to be warned grants it.
func (p *Provider) expires(ctx context.Context, id string) (time.Time, error) {
	var secret *corev1.Secret
	err := p.request(ctx, func(ctx context.Context) error {
		var err error
		secret, err = p.kube.CoreV1().Secrets(metav1.NamespaceSystem).Get(ctx, bootstrapapi.BootstrapTokenSecretPrefix+id, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	text := string(secret.Data[bootstrapapi.BootstrapTokenExpirationKey])
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text)
}

// warnings are what e says of the token.
func (e expiry) warnings(id string, where Source, now time.Time) []Warning {
	switch left := e.at.Sub(now); {
	case apierrors.IsForbidden(e.err):
		return []Warning{{ReasonExpiryUnknown, fmt.Sprintf("it cannot be told when token %s in %s expires, since Secret kube-system/%s%s may not be read; "+
			"see to it that it is rotated and lives for %s after each launch, or let this service account get that Secret",
			id, where, bootstrapapi.BootstrapTokenSecretPrefix, id, Outlives)}}
	case e.err != nil:
		return []Warning{{ReasonExpiryUnknown, fmt.Sprintf("it cannot be told when token %s in %s expires: %v", id, where, e.err)}}
	case e.at.IsZero():
		return []Warning{{ReasonNeverExpires, fmt.Sprintf("token %s in %s never expires: whoever finds it in user data can use it for good; "+
			"replace it by one with a --ttl, and rotate it", id, where)}}
	case left < Outlives:
		return []Warning{{ReasonExpiresSoon, fmt.Sprintf("token %s in %s expires at %s, and a node may need it for %s after its launch; rotate it earlier",
			id, where, e.at.UTC().Format(time.RFC3339), Outlives)}}
	default:
		return nil
	}
}

// note keeps in mind which token was current since when: nodes that were launched with the
// one before it are still to join.
func (p *Provider) note(ctx context.Context, token join.Token) error {
	var another bool
	_, err := p.change(ctx, func(s state) (state, bool, error) {
		n := len(s.epochs)
		another = n == 0 || s.epochs[n-1].ID != token.ID || !s.epochs[n-1].Retired.IsZero()
		return s.given(token, p.clock.Now().UTC().Truncate(time.Second)), another, nil
	})
	if err == nil && another {
		log.FromContext(ctx).Info("nodes join with another bootstrap token from now on", "token-id", token.ID, "source", p.options.Source.String())
	}
	return err
}

// given returns s with token as the current one, which somebody else made.
func (s state) given(token join.Token, at time.Time) state {
	newest := kept{Epoch: Epoch{ID: token.ID, Created: at, Expires: token.Expires}, Given: true}
	if before, ok := s.find(token.ID); ok {
		newest.Created = before.Created
	}
	others := slices.DeleteFunc(s.retired(at), func(e kept) bool { return e.ID == token.ID })
	return s.with(append(others, newest))
}
