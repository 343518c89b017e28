package join

import (
	"bytes"
	"compress/gzip"
	"fmt"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// Render returns the user data that makes an instance a node as spec says. It is a secret
// wherever it holds spec.Token.
//
// Errors: *SpecError for input that cannot be rendered, *SizeError when EC2 would refuse
// the result.
func Render(spec Spec) (UserData, error) {
	render, fit := renderUnknown, limited
	switch spec.Family {
	case Custom:
		render = renderCustom
	case Ubuntu, Debian, AL2023:
		render, fit = scriptedFamilies()[spec.Family].render, compressed
	case Bottlerocket:
		render, fit = renderBottlerocket, compressed
	case Flatcar:
		render = renderFlatcar
	}
	raw, err := render(spec)
	if err != nil {
		return UserData{}, err
	}
	return fit(raw)
}

func renderUnknown(spec Spec) ([]byte, error) {
	return nil, &SpecError{Field: "spec.amiFamily", Problem: fmt.Sprintf(
		"%q is not rendered for kubeadm clusters; use Ubuntu, Debian, AL2023, Bottlerocket or Flatcar, or Custom with a spec.userData of your own", spec.Family)}
}

// NeedsSigning reports whether the machine reads cluster-info with the token in place of a
// discovery file, which works only once cluster-info bears the token's signature: a launch
// has to wait for it.
func NeedsSigning(spec Spec) bool {
	return spec.Cluster.Mode == cluster.Kubeadm && fillsIn(spec.UserData)
}

// limited is for families whose first boot cannot unpack.
func limited(raw []byte) (UserData, error) {
	if len(raw) > MaxUserData {
		return UserData{}, &SizeError{Size: len(raw), Limit: MaxUserData}
	}
	return NewUserData(raw), nil
}

// compressed is for families with cloud-init, and Bottlerocket, which unpack gzip. What fits is left
// readable. The header has no time, so the bytes are the same each time.
func compressed(raw []byte) (UserData, error) {
	if len(raw) <= MaxUserData {
		return NewUserData(raw), nil
	}
	packed, err := gzipped(raw)
	if err != nil {
		return UserData{}, fmt.Errorf("compressing user data: %w", err)
	}
	return limited(packed)
}

// gzipped is raw as gzip packs it.
func gzipped(raw []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
