package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env"
)

// reasonPatience is by when the reason has to stand on the claim, counted from its creation.
const reasonPatience = 90 * time.Second

// believed is for how long a token that was deleted may still be believed in: ten seconds
// by the API server, and as long by the controller, which asks by using it.
const believed = 22 * time.Second

// A fault is one thing that somebody got wrong, so that nodes do not join as they should.
type fault struct {
	what string // for people
	// environment of the controller, where the mistake is a setting.
	environment func() (map[string]string, error)
	// cluster makes the mistake in the cluster, once the controller runs.
	cluster func(ctx context.Context, admin client.Client) error
	// script makes it in the user data.
	script func(userData string) string
	// reason is the start of "<reason>: <message>" of what has to stand on the claim.
	reason string
}

func faults() map[string]fault {
	beforeJoin := func(line string) func(string) string {
		return func(script string) string {
			return strings.Replace(script, "\nkubeadm join", "\n"+line+"\nkubeadm join", 1)
		}
	}
	return map[string]fault{
		"token": {
			what:    "the tokens' Secrets were deleted, and the right to make them was taken from the controller",
			cluster: loseTokens, reason: "NoJoinToken",
		},
		"endpoint": {
			what: "CLUSTER_ENDPOINT names an address where nobody listens",
			environment: func() (map[string]string, error) {
				return map[string]string{"CLUSTER_ENDPOINT": "https://127.255.255.254:6443"}, nil
			},
			reason: "EndpointUnreachable",
		},
		"ca": {what: "CLUSTER_CA_BUNDLE is another cluster's", environment: foreignCA, reason: "CAMismatch"},
		"taint": {
			what:   "the user data takes the kubelet's taints away",
			script: beforeJoin("sed -i -E 's/--register-with-taints=[^ ]+//' /etc/default/kubelet"), reason: "UnregisteredTaintMissing",
		},
		"providerid": {
			what:   "the user data takes the kubelet's provider id away",
			script: beforeJoin("sed -i -E 's/--provider-id=[^ ]+//' /etc/default/kubelet"), reason: "ProviderIDMissing",
		},
	}
}

// findFault returns the fault of that name; the empty name is none.
func findFault(name string) (fault, error) {
	all := faults()
	found, ok := all[name]
	if !ok && name != "" {
		return fault{}, fmt.Errorf("-break %s: there are %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	return found, nil
}

// prepare makes the mistakes that are made before anybody asks for nodes.
func (f fault) prepare(ctx context.Context, world *env.Env) error {
	environment := map[string]string{}
	if f.environment != nil {
		var err error
		if environment, err = f.environment(); err != nil {
			return err
		}
	}
	if err := world.StartController(ctx, environment); err != nil {
		return err
	}
	if f.cluster == nil {
		return nil
	}
	return f.cluster(ctx, world.Admin)
}

// edit makes the mistake in the user data of the class.
func (f fault) edit(ctx context.Context, admin client.Client) error {
	if f.script == nil {
		return nil
	}
	class := &v1.EC2NodeClass{}
	if err := admin.Get(ctx, client.ObjectKey{Name: "default"}, class); err != nil {
		return fmt.Errorf("reading the EC2NodeClass: %w", err)
	}
	before := class.DeepCopy()
	script := f.script(*class.Spec.UserData)
	class.Spec.UserData = &script
	if err := admin.Patch(ctx, class, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("changing the user data: %w", err)
	}
	return nil
}

// loseTokens deletes the bootstrap tokens, and the Role with which the controller would make
// new ones at once.
func loseTokens(ctx context.Context, admin client.Client) error {
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "karpenter-token"}}
	if err := admin.Delete(ctx, role); err != nil {
		return fmt.Errorf("deleting the Role: %w", err)
	}
	var secrets corev1.SecretList
	if err := admin.List(ctx, &secrets, client.InNamespace(metav1.NamespaceSystem)); err != nil {
		return fmt.Errorf("listing the tokens: %w", err)
	}
	for i := range secrets.Items {
		if secrets.Items[i].Type != bootstrapapi.SecretTypeBootstrapToken {
			continue
		}
		if err := admin.Delete(ctx, &secrets.Items[i]); err != nil {
			return fmt.Errorf("deleting a token: %w", err)
		}
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(believed):
		return nil
	}
}

// foreignCA is the setting for a CA that is not the cluster's.
func foreignCA() (map[string]string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another-cluster"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a CA: %w", err)
	}
	return map[string]string{"CLUSTER_CA_BUNDLE": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}, nil
}

// await waits until the reason stands on every claim, and fails when it does not in time.
func (f fault) await(ctx context.Context, world *env.Env, out screen) error {
	ctx, cancel := context.WithTimeoutCause(ctx, reasonPatience+upPatience, errors.New("no NodeClaim was made"))
	defer cancel()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	told := map[string]bool{}
	for {
		all, err := f.everywhere(ctx, world, told, out)
		if all || err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// everywhere reports whether there are NodeClaims and the reason stands on all of them.
func (f fault) everywhere(ctx context.Context, world *env.Env, told map[string]bool, out screen) (bool, error) {
	var claims karpv1.NodeClaimList
	if err := world.Admin.List(ctx, &claims); err != nil {
		return false, fmt.Errorf("listing NodeClaims: %w", err)
	}
	all := len(claims.Items) > 0
	for i := range claims.Items {
		ok, err := f.stands(ctx, world, &claims.Items[i], told, out)
		if err != nil {
			return false, err
		}
		all = all && ok
	}
	return all, nil
}

// stands reports whether the reason stands on claim, and tells it once.
func (f fault) stands(ctx context.Context, world *env.Env, claim *karpv1.NodeClaim, told map[string]bool, out screen) (bool, error) {
	if told[claim.Name] {
		return true, nil
	}
	said, err := reasons(ctx, world.Admin, claim)
	if err != nil {
		return false, err
	}
	waited := time.Since(claim.CreationTimestamp.Time)
	for _, reason := range said {
		if strings.HasPrefix(reason, f.reason+": ") {
			told[claim.Name] = true
			out.Line(fmt.Sprintf("NodeClaim %s, %.0f s after it was made: %s", claim.Name, waited.Seconds(), reason))
			return true, nil
		}
	}
	if waited > reasonPatience {
		return false, fmt.Errorf("NodeClaim %s does not say %s after %s; it says:\n  %s", claim.Name, f.reason, reasonPatience, strings.Join(said, "\n  "))
	}
	return false, nil
}

// reasons are what claim's conditions say that are not true, and its warnings.
func reasons(ctx context.Context, admin client.Client, claim *karpv1.NodeClaim) ([]string, error) {
	var said []string
	for _, condition := range claim.Status.Conditions {
		if condition.Status != metav1.ConditionTrue {
			said = append(said, condition.Reason+": "+condition.Message)
		}
	}
	var events corev1.EventList
	if err := admin.List(ctx, &events); err != nil {
		return nil, fmt.Errorf("listing events: %w", err)
	}
	for i := range events.Items {
		if event := &events.Items[i]; event.Type == corev1.EventTypeWarning && event.InvolvedObject.Name == claim.Name {
			said = append(said, event.Reason+": "+event.Message)
		}
	}
	return said, nil
}
