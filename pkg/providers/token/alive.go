package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const (
	// API servers see a new Secret by a watch, which takes milliseconds, but what they found
	// for a token they believe for ten seconds: a token that was made again after it was
	// changed may be taken for the changed one until then.
	propagation      = 15 * time.Second
	propagationCheck = 100 * time.Millisecond

	// ensureTimeout bounds one attempt. All launches wait for the same one, so a request that is
	// never answered must not hold them for good; double would outlast the patience of who
	// reads why a NodeClaim does not launch.
	ensureTimeout = 30 * time.Second

	// requestTimeout bounds one request with all its repetitions: an API server that is busy has
	// the client come back up to ten times. A third of an attempt leaves it time for another.
	requestTimeout = 10 * time.Second
)

var (
	// errDead says that a token does not authenticate in its group though its Secret was made.
	errDead = errors.New("the API server does not accept a token that was just made; " +
		"kube-apiserver needs --enable-bootstrap-token-auth=true, as kubeadm sets it")
	// errNoAnswer says that a request got none in its time.
	errNoAnswer = errors.New("the API server does not answer")
)

// request makes one request, which do is, in a time of its own.
func (p *Provider) request(ctx context.Context, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, p.options.RequestTimeout)
	defer cancel()
	err := do(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		// Not wrapped: to whoever waits, the end of this time is not the end of his.
		return fmt.Errorf("%w within %s: %v", errNoAnswer, p.options.RequestTimeout, err) //nolint:errorlint // see above
	}
	return err
}

// ensure returns the current token, alive.
func (p *Provider) ensure(ctx context.Context) (join.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	having := p.ensureOwn
	if p.options.Source != nil {
		having = p.ensureGiven
	}
	token, err := having(ctx)
	if err != nil {
		failed(err)
	}
	return token, err
}

// ensureOwn is ensure for tokens that we make.
func (p *Provider) ensureOwn(ctx context.Context) (join.Token, error) {
	var minted bool
	s, err := p.change(ctx, func(s state) (state, bool, error) {
		minted = false
		now := p.clock.Now()
		if _, ok := s.current(now, p.options.TTL, p.options.Group); ok {
			return s, false, nil
		}
		minted = true
		next, err := s.minted(now, p.options.TTL, p.options.Group)
		return next, true, err
	})
	if err != nil {
		return join.Token{}, err
	}
	newest := s.epochs[len(s.epochs)-1]
	if minted {
		mints.Inc(nil)
		log.FromContext(ctx).Info("made a bootstrap token", "token-id", newest.ID, "expires", newest.Expires)
	}
	remade, err := p.keepAlive(ctx, newest)
	if remade && !minted {
		log.FromContext(ctx).Info("made the Secret of a bootstrap token again, which was deleted, edited or expired; "+
			"to retire a token that has leaked, delete it from the controller's own Secret as well",
			"token-id", newest.ID, "Secret", p.options.Namespace+"/"+StateSecret)
	}
	if err != nil {
		return join.Token{}, err
	}
	return newest.token(), nil
}

// keepAlive makes epoch's Secret where its token does not authenticate as it should, and
// reports whether it did.
func (p *Provider) keepAlive(ctx context.Context, epoch kept) (remade bool, err error) {
	found, err := p.use(ctx, epoch)
	if err != nil || found == alive {
		return false, err
	}
	if found == changed {
		if err := p.deleteSecret(ctx, epoch.ID); err != nil {
			return false, err
		}
	}
	if err := p.createSecret(ctx, epoch); err != nil && !apierrors.IsAlreadyExists(err) {
		return false, err
	}
	ok, err := p.awaitAlive(ctx, epoch)
	if err != nil || ok {
		return ok, err
	}
	// A Secret of this name that makes no token, for example one that expired, is of no use to
	// anybody. The next attempt makes it anew.
	return false, errors.Join(errDead, p.deleteSecret(ctx, epoch.ID))
}

// awaitAlive waits until the token authenticates; false when it does not in time.
func (p *Provider) awaitAlive(ctx context.Context, epoch kept) (bool, error) {
	err := wait.PollUntilContextTimeout(ctx, propagationCheck, propagation, true, func(ctx context.Context) (bool, error) {
		found, err := p.use(ctx, epoch)
		return found == alive, err
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}

// liveness is what using a token shows.
type liveness int

const (
	dead    liveness = iota // the API server does not know it
	changed                 // it authenticates, but not in the group that we gave it
	alive
)

// use uses the token as a node does.
func (p *Provider) use(ctx context.Context, epoch kept) (liveness, error) {
	groups, known, err := p.groups(ctx, epoch.token())
	switch {
	case err != nil || !known:
		return dead, err
	case !slices.Contains(groups, epoch.Group):
		return changed, nil
	default:
		return alive, nil
	}
}

// groups are those that token authenticates in, and whether it authenticates at all.
func (p *Provider) groups(ctx context.Context, token join.Token) (groups []string, known bool, err error) {
	as, err := p.as(token)
	if err != nil {
		return nil, false, err
	}
	var review *authenticationv1.SelfSubjectReview
	err = p.request(ctx, func(ctx context.Context) error {
		var err error
		review, err = as.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		return err
	})
	if apierrors.IsUnauthorized(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("using bootstrap token %s: %w", token.ID, err)
	}
	return review.Status.UserInfo.Groups, true, nil
}

// as returns a client of whoever has token.
func (p *Provider) as(token join.Token) (kubernetes.Interface, error) {
	config := rest.CopyConfig(p.config)
	config.BearerToken = token.Value()
	config.QPS = -1 // one request; whoever waits for it sets the pace
	as, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client with bootstrap token %s: %w", token.ID, err)
	}
	return as, nil
}

func (p *Provider) createSecret(ctx context.Context, epoch kept) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: bootstrapapi.BootstrapTokenSecretPrefix + epoch.ID},
		Type:       bootstrapapi.SecretTypeBootstrapToken,
		Data: map[string][]byte{
			bootstrapapi.BootstrapTokenDescriptionKey:      []byte(epoch.purpose()),
			bootstrapapi.BootstrapTokenIDKey:               []byte(epoch.ID),
			bootstrapapi.BootstrapTokenSecretKey:           []byte(epoch.Secret),
			bootstrapapi.BootstrapTokenExpirationKey:       []byte(epoch.Expires.UTC().Format(time.RFC3339)),
			bootstrapapi.BootstrapTokenUsageAuthentication: []byte("true"),
			// For scripts of users that discover the cluster by the token.
			bootstrapapi.BootstrapTokenUsageSigningKey: []byte("true"),
			bootstrapapi.BootstrapTokenExtraGroupsKey:  []byte(epoch.Group),
		},
	}
	err := p.request(ctx, func(ctx context.Context) error {
		_, err := p.kube.CoreV1().Secrets(metav1.NamespaceSystem).Create(ctx, secret, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("creating Secret %s/%s: %w", metav1.NamespaceSystem, secret.Name, err)
	}
	return nil
}

func (p *Provider) deleteSecret(ctx context.Context, id string) error {
	name := bootstrapapi.BootstrapTokenSecretPrefix + id
	err := p.request(ctx, func(ctx context.Context) error {
		return p.kube.CoreV1().Secrets(metav1.NamespaceSystem).Delete(ctx, name, metav1.DeleteOptions{})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting Secret %s/%s: %w", metav1.NamespaceSystem, name, err)
	}
	return nil
}
