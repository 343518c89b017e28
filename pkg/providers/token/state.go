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
	// masterKey is the key of the bytes that tokens of single instances are derived from.
	masterKey = "instances.key"
)

// kept is an epoch as it is stored. It is the one place where the secret is written down.
type kept struct {
	Epoch
	Secret string // empty once revoked, and where Given
	Given  bool   `json:",omitempty"` // made and ended by somebody else
}

// purpose is for who reads the Secret.
func (k kept) purpose() string {
	if k.Instance != "" {
		return "Instance " + string(k.Instance) + ", which Karpenter launched, joins with this token. It goes when the node is there."
	}
	return "Nodes that Karpenter launches join with this token. It is rotated."
}

func (k kept) token() join.Token {
	return join.Token{ID: k.ID, Secret: k.Secret, Expires: k.Expires}
}

// Format keeps every verb of fmt from printing the secret.
func (k kept) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.token().String()) }

// state is all epochs, oldest first. It is never changed in place.
type state struct {
	epochs []kept
	master []byte         // empty until the first instance needs a token of its own
	stored *corev1.Secret // that it was read from, nil when there is none yet
}

// with is s with other epochs.
func (s state) with(epochs []kept) state {
	return state{epochs: epochs, master: s.master, stored: s.stored}
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
	id, secret := value[:6], value[7:]
	return s.with(append(s.retired(at), kept{
		Epoch:  Epoch{ID: id, Group: group, Created: at, Expires: at.Add(ttl)},
		Secret: secret,
	})), nil
}

// retired are the epochs with none that is current, and without what was forgotten by then.
func (s state) retired(at time.Time) []kept {
	var epochs []kept
	for _, e := range s.epochs {
		if e.Retired.IsZero() {
			e.Retired = at
		}
		over := e.Expires
		if over.IsZero() {
			over = e.Retired // no node that was launched with it waits for longer than memory
		}
		if at.Before(over.Add(memory)) {
			epochs = append(epochs, e)
		}
	}
	return epochs
}

// revoked returns s with the epoch id revoked and its secret forgotten.
func (s state) revoked(id string, at time.Time) state {
	next := s.with(slices.Clone(s.epochs))
	for i := range next.epochs {
		if next.epochs[i].ID == id {
			next.epochs[i].Revoked, next.epochs[i].Secret = at, ""
		}
	}
	return next
}

// readState reads StateSecret. There may be none.
func (p *Provider) readState(ctx context.Context) (state, error) {
	var stored *corev1.Secret
	err := p.request(ctx, func(ctx context.Context) error {
		var err error
		stored, err = p.kube.CoreV1().Secrets(p.options.Namespace).Get(ctx, StateSecret, metav1.GetOptions{})
		return err
	})
	if apierrors.IsNotFound(err) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("getting Secret %s/%s: %w", p.options.Namespace, StateSecret, err)
	}
	epochs, ok := parseEpochs(stored.Data[stateKey])
	s := state{stored: stored, epochs: epochs, master: stored.Data[masterKey]}
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
	data := map[string][]byte{stateKey: raw}
	if len(s.master) > 0 {
		data[masterKey] = s.master
	}
	err = p.request(ctx, func(ctx context.Context) error {
		secrets := p.kube.CoreV1().Secrets(p.options.Namespace)
		if s.stored == nil {
			_, err := secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: StateSecret}, Data: data}, metav1.CreateOptions{})
			return err
		}
		changed := s.stored.DeepCopy()
		changed.Data = data
		_, err := secrets.Update(ctx, changed, metav1.UpdateOptions{})
		return err
	})
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
