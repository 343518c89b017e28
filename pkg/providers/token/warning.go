package token

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
)

// Warning is something about tokens that works and should not be as it is. Its reason is one
// word of a closed set; the message is for people.
type Warning struct {
	Reason  string
	Message string
}

// The reasons of warnings.
const (
	ReasonApprovedUnasked = "CertificatesApprovedUnasked"
	ReasonNeverExpires    = "BootstrapTokenNeverExpires"
	ReasonExpiresSoon     = "BootstrapTokenExpiresTooSoon"
	ReasonExpiryUnknown   = "BootstrapTokenExpiryUnknown"
)

// Warnings returns what whoever looks after the cluster should know of its tokens.
func (p *Provider) Warnings(ctx context.Context) ([]Warning, error) {
	groups := []string{bootstrapapi.BootstrapDefaultGroup, p.options.Group}
	var warnings []Warning
	if p.options.Source != nil {
		token, err := p.Current(ctx)
		if err != nil {
			return nil, err
		}
		known, ok := p.expiry.Get(token.ID)
		if !ok {
			return nil, nil // asked again
		}
		groups = known.groups
		warnings = append(warnings, known.warnings(token.ID, p.options.Source, p.clock.Now())...)
	}
	approved, err := p.autoApproved(ctx, groups)
	if err != nil {
		return nil, err
	}
	if approved && p.options.Group != KubeadmGroup { // else it is what was asked for
		warnings = append(warnings, Warning{ReasonApprovedUnasked, fmt.Sprintf(
			"a binding of this cluster has certificate requests of bootstrap tokens approved without asking Karpenter: whoever holds a token can become any node; "+
				"remove the groups %s from bindings of ClusterRole system:certificates.k8s.io:certificatesigningrequests:nodeclient, or give the token none of them but %s",
			strings.Join(groups, ", "), Group)})
	}
	return warnings, nil
}

// autoApproved reports whether some binding of the cluster lets the controller manager
// approve the certificate requests of tokens in groups unasked, so that our own approver
// decides nothing.
func (p *Provider) autoApproved(ctx context.Context, groups []string) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: bootstrapapi.BootstrapUserPrefix + "000000", Groups: slices.Concat(groups, []string{"system:authenticated"}),
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: "certificates.k8s.io", Resource: "certificatesigningrequests", Subresource: "nodeclient", Verb: "create", Version: "*",
			},
		},
	}
	err := p.request(ctx, func(ctx context.Context) error {
		var err error
		review, err = p.kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("asking whether certificate requests of %s are approved unasked: %w", strings.Join(groups, ", "), err)
	}
	return review.Status.Allowed, nil
}
