package join

import "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"

// renderCustom hands out the user's bytes. In kubeadm mode the placeholders are filled in
// where the token's is among them; everything else is the user's business.
func renderCustom(spec Spec) ([]byte, error) {
	if spec.Cluster.Mode != cluster.Kubeadm || !fillsIn(spec.UserData) {
		return []byte(spec.UserData), nil
	}
	text, err := fill(spec.UserData, spec)
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}
