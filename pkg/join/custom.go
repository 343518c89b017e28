package join

import "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"

// renderCustom hands out the user's bytes. In kubeadm mode the placeholders are filled in
// where the token's is among them; everything else is the user's business.
func renderCustom(spec Spec) ([]byte, error) {
	if spec.Cluster.Mode != cluster.Kubeadm {
		return []byte(spec.UserData), nil
	}
	// What cannot be taken apart is the user's business too.
	if parts, err := parseParts(spec.UserData); err == nil {
		if err := checkSkew(installs(parts), spec.Cluster.Version); err != nil {
			return nil, err
		}
	}
	if !fillsIn(spec.UserData) {
		return []byte(spec.UserData), nil
	}
	text, err := fill(spec.UserData, spec)
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}
