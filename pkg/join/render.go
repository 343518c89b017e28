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
	switch spec.Family {
	case Custom:
		raw, err := renderCustom(spec)
		if err != nil {
			return UserData{}, err
		}
		return limited(raw)
	case Ubuntu, Debian, AL2023:
		raw, err := scriptedFamilies()[spec.Family].render(spec)
		if err != nil {
			return UserData{}, err
		}
		return compressed(raw)
	case Bottlerocket:
		raw, err := renderBottlerocket(spec)
		if err != nil {
			return UserData{}, err
		}
		return compressed(raw)
	default:
		return UserData{}, &SpecError{Field: "spec.amiFamily", Problem: fmt.Sprintf(
			"%q is not rendered for kubeadm clusters; use Ubuntu, Debian or AL2023, or Custom with a spec.userData of your own", spec.Family)}
	}
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

// compressed is for families with cloud-init, which unpacks gzip. What fits is left
// readable. The header has no time, so the bytes are the same each time.
func compressed(raw []byte) (UserData, error) {
	if len(raw) <= MaxUserData {
		return NewUserData(raw), nil
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return UserData{}, fmt.Errorf("compressing user data: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return UserData{}, fmt.Errorf("compressing user data: %w", err)
	}
	if err := w.Close(); err != nil {
		return UserData{}, fmt.Errorf("compressing user data: %w", err)
	}
	return limited(packed.Bytes())
}
