package arena

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
)

//go:embed userdata.sh
var script string

// nodeGroup is the group whose certificate requests kubeadm has the cluster approve.
const nodeGroup = "system:bootstrappers:kubeadm:default-node-token"

// mint makes a bootstrap token that lives as long as the arena and returns the user data that
// joins with it.
func (a *Arena) mint(ctx context.Context) (string, error) {
	id, secret := strings.ToLower(rand.Text()[:6]), strings.ToLower(rand.Text()[:16])
	err := a.Admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: bootstrapapi.BootstrapTokenSecretPrefix + id},
		Type:       bootstrapapi.SecretTypeBootstrapToken,
		StringData: map[string]string{
			bootstrapapi.BootstrapTokenIDKey: id, bootstrapapi.BootstrapTokenSecretKey: secret, bootstrapapi.BootstrapTokenExtraGroupsKey: nodeGroup,
			bootstrapapi.BootstrapTokenUsageAuthentication: "true", bootstrapapi.BootstrapTokenUsageSigningKey: "true",
		},
	})
	if err != nil {
		return "", fmt.Errorf("minting a bootstrap token: %w", err)
	}
	pin, err := pin(a.config.CAData)
	if err != nil {
		return "", err
	}
	endpoint := strings.TrimPrefix(a.config.Host, "https://")
	return strings.NewReplacer("@ENDPOINT@", endpoint, "@TOKEN@", id+"."+secret, "@PIN@", pin).Replace(script), nil
}

// pin is kubeadm's way to name a CA: the hash of its public key.
func pin(ca []byte) (string, error) {
	block, _ := pem.Decode(ca)
	if block == nil {
		return "", errors.New("the kubeconfig holds no CA in PEM")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("parsing the cluster's CA: %w", err)
	}
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
