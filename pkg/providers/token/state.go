package token

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstraputil "k8s.io/cluster-bootstrap/token/util"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const (
	// StateSecret is the Secret in the controller's own namespace that holds the values of tokens.
	StateSecret = "karpenter-bootstrap-tokens"
	stateKey    = "epochs.json"
)

// kept is an epoch as it is stored. It is the one place where the secret is written down.
type kept struct {
	Epoch
	Secret string // empty once revoked
}

func (k kept) token() join.Token {
	return join.Token{ID: k.ID, Secret: k.Secret, Expires: k.Expires}
}

// Format keeps every verb of fmt from printing the secret.
func (k kept) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.token().String()) }

// state is all epochs, oldest first. It is never changed in place.
type state struct {
	epochs []kept
	stored *corev1.Secret // that it was read from, nil when there is none yet
}

// current is the newest epoch, false when it is due or of another group.
func (s state) current(at time.Time, ttl time.Duration, group string) (kept, bool) {
	if len(s.epochs) == 0 {
		return kept{}, false
	}
	newest := s.epochs[len(s.epochs)-1]
	return newest, newest.Group == group && !newest.due(at, ttl)
}

// living are the epochs that can authenticate at the given time.
func (s state) living(at time.Time) []kept {
	var living []kept
	for _, e := range s.epochs {
		if e.Lives(at) {
			living = append(living, e)
		}
	}
	return living
}

func (s state) find(id string) (kept, bool) {
	for _, e := range s.epochs {
		if e.ID == id {
			return e, true
		}
	}
	return kept{}, false
}

// minted returns s with a new current epoch, and without what was forgotten by then.
func (s state) minted(at time.Time, ttl time.Duration, group string) (state, error) {
	value, err := bootstraputil.GenerateBootstrapToken()
	if err != nil {
		return state{}, fmt.Errorf("making a bootstrap token: %w", err)
	}
	at = at.UTC().Truncate(time.Second) // as the API server will read it
	next := state{stored: s.stored}
	for _, e := range s.epochs {
		if e.Retired.IsZero() {
			e.Retired = at
		}
		if at.Before(e.Expires.Add(memory)) {
			next.epochs = append(next.epochs, e)
		}
	}
	id, secret := value[:6], value[7:]
	next.epochs = append(next.epochs, kept{
		Epoch:  Epoch{ID: id, Group: group, Created: at, Expires: at.Add(ttl)},
		Secret: secret,
	})
	return next, nil
}

// revoked returns s with the epoch id revoked and its secret forgotten.
func (s state) revoked(id string, at time.Time) state {
	next := state{stored: s.stored, epochs: slices.Clone(s.epochs)}
	for i := range next.epochs {
		if next.epochs[i].ID == id {
			next.epochs[i].Revoked, next.epochs[i].Secret = at, ""
		}
	}
	return next
}

// readState reads StateSecret. There may be none.
func (p *Provider) readState(ctx context.Context) (state, error) {
	stored, err := p.kube.CoreV1().Secrets(p.options.Namespace).Get(ctx, StateSecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("getting Secret %s/%s: %w", p.options.Namespace, StateSecret, err)
	}
	epochs, ok := parseEpochs(stored.Data[stateKey])
	s := state{stored: stored, epochs: epochs}
	if ok {
		p.known.Store(&s)
	}
	return s, nil
}

// parseEpochs reads what writeState wrote. A content that is not ours is replaced by the next
// epoch; nothing but tokens is lost.
func parseEpochs(raw []byte) ([]kept, bool) {
	var epochs []kept
	if err := json.Unmarshal(raw, &epochs); err != nil {
		return nil, false
	}
	return epochs, true
}

// writeState stores s, unless somebody else stored another since s was read: then the error
// is a conflict.
func (p *Provider) writeState(ctx context.Context, s state) error {
	raw, err := json.Marshal(s.epochs)
	if err != nil {
		return fmt.Errorf("writing bootstrap tokens: %w", err)
	}
	secrets := p.kube.CoreV1().Secrets(p.options.Namespace)
	if s.stored == nil {
		_, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: StateSecret},
			Data:       map[string][]byte{stateKey: raw},
		}, metav1.CreateOptions{})
	} else {
		changed := s.stored.DeepCopy()
		changed.Data = map[string][]byte{stateKey: raw}
		_, err = secrets.Update(ctx, changed, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("storing Secret %s/%s: %w", p.options.Namespace, StateSecret, err)
	}
	p.known.Store(&s)
	return nil
}

// change reads the state, has edit make another of it, and stores that; edit returns false
// to leave it as it is. It starts over when somebody else was faster.
func (p *Provider) change(ctx context.Context, edit func(state) (state, bool, error)) (state, error) {
	const attempts = 5
	var err error
	for range attempts {
		var before, after state
		var changed bool
		if before, err = p.readState(ctx); err != nil {
			return state{}, err
		}
		if after, changed, err = edit(before); err != nil || !changed {
			return before, err
		}
		if err = p.writeState(ctx, after); err == nil {
			return after, nil
		}
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			return state{}, err
		}
	}
	return state{}, err
}
