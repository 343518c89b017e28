package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const (
	// believeMaster is how long the bytes that instances' tokens derive from are not read again.
	believeMaster = time.Minute
	master        = "master"
	masterBytes   = 32
)

// OfInstance returns the token that the instance alone joins with. It is derived from the
// instance's id and a key that StateSecret holds, so it is the same for every process and
// each time; whether it lives is for Keep and End to say.
func (p *Provider) OfInstance(ctx context.Context, id instance.ID) (join.Token, error) {
	key, err := p.masters.GetOrLoad(ctx, master, p.master)
	if err != nil {
		return join.Token{}, fmt.Errorf("deriving the bootstrap token of instance %s: %w", id, err)
	}
	return derive(key, id), nil
}

// Keep sees to it that the token of the instance lives until token.Expires.
func (p *Provider) Keep(ctx context.Context, id instance.ID, token join.Token) error {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	made, err := p.keepAlive(ctx, kept{
		Epoch:  Epoch{ID: token.ID, Group: p.options.Group, Instance: id, Expires: token.Expires},
		Secret: token.Secret,
	})
	if err != nil {
		failed(err)
		return fmt.Errorf("making the bootstrap token of instance %s: %w", id, err)
	}
	if made {
		mints.Inc(nil)
		log.FromContext(ctx).Info("made a bootstrap token", "token-id", token.ID, "instance", id, "expires", token.Expires)
	}
	return nil
}

// End deletes the token of the instance.
func (p *Provider) End(ctx context.Context, id instance.ID) error {
	token, err := p.OfInstance(ctx, id)
	if err != nil {
		return err
	}
	return p.deleteSecret(ctx, token.ID)
}

// master returns the key that instances' tokens derive from, and makes it when there is none.
func (p *Provider) master(ctx context.Context) ([]byte, error) {
	s, err := p.change(ctx, func(s state) (state, bool, error) {
		if len(s.master) == masterBytes {
			return s, false, nil
		}
		next := s.with(s.epochs)
		next.master = make([]byte, masterBytes)
		_, err := rand.Read(next.master)
		return next, true, err
	})
	if err == nil && len(s.master) != masterBytes {
		err = errors.New("it was not stored")
	}
	return s.master, err
}

// derive makes of a key and an instance's id a token: twenty-two digits of base 36, of the
// forty-nine that a hash has, so that each is as likely as any.
func derive(key []byte, id instance.ID) join.Token {
	hash := hmac.New(sha256.New, key)
	_, _ = hash.Write([]byte("bootstrap-token/" + id)) // does not fail
	number, base, digit := new(big.Int).SetBytes(hash.Sum(nil)), big.NewInt(36), new(big.Int)
	value := make([]byte, idLength+secretLength)
	for i := range value {
		number.DivMod(number, base, digit)
		value[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[digit.Int64()]
	}
	return join.Token{ID: string(value[:idLength]), Secret: string(value[idLength:])}
}

// The halves of a bootstrap token.
const (
	idLength     = 6
	secretLength = 16
)
