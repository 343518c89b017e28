package v1

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/samber/lo"
)

// HashVersion names the way in which Hash is computed. Hashes are compared only where both
// sides bear the same version; where they differ the NodeClaims' hashes are written anew.
// It is not one of the AWS provider's versions, so a cluster that changes from its
// controller to this one, or back, does not replace its nodes.
//
// It must change when a value that existing objects may hold is hashed in another way: a
// default in the schema changes, a field is added to or taken from unhashed, or a field
// changes its type. A new optional field needs no new version.
const HashVersion = "kubeadm-v1"

// Hash tells whether what a node was launched from is still what its class says. It covers
// the spec but for what drifts by itself (see unhashed), the resolved image family and the
// cluster's CA bundle, in PEM. Tokens, and whatever else rotates, are no part of it.
//
// It is a decimal number below 2^64, the first eight bytes of a SHA-256 over canonical
// JSON. The order of blockDeviceMappings and networkInterfaces does not matter.
func (in *EC2NodeClass) Hash(caBundle []byte) string {
	// Marshalling cannot fail: kubelet, the one field that holds foreign JSON, is taken out.
	body := lo.Must(json.Marshal([]any{
		unhashed(in.Spec),
		in.AMIFamily(),
		string(caBundle),
		in.Spec.Kubelet.canonical(),
		asSet(in.Spec.BlockDeviceMappings),
		asSet(in.Spec.NetworkInterfaces),
	}))
	sum := sha256.Sum256(body)
	return strconv.FormatUint(binary.BigEndian.Uint64(sum[:8]), 10)
}

// unhashed returns spec without the fields that are no part of the hash as they stand:
// selectors, whose results drift; ipPrefixCount, as the AWS provider has it; and those
// that Hash adds in another form.
func unhashed(spec EC2NodeClassSpec) EC2NodeClassSpec {
	spec.SubnetSelectorTerms = nil
	spec.SecurityGroupSelectorTerms = nil
	spec.CapacityReservationSelectorTerms = nil
	spec.AMISelectorTerms = nil
	spec.IPPrefixCount = nil
	spec.AMIFamily = nil
	spec.Kubelet = nil
	spec.BlockDeviceMappings = nil
	spec.NetworkInterfaces = nil
	return spec
}

// asSet returns the JSON of each item, sorted.
func asSet[T any](items []T) []string {
	return slices.Sorted(slices.Values(lo.Map(items, func(item T, _ int) string {
		return string(lo.Must(json.Marshal(item)))
	})))
}

// canonical returns field names and values in an order of its own, without insignificant
// space. A value that is no JSON, which the API server does not let pass, stands as it is.
func (k KubeletConfiguration) canonical() []string {
	if len(k) == 0 {
		return nil // an empty list would have another hash, and replace every node
	}
	parts := make([]string, 0, 2*len(k))
	for _, field := range slices.Sorted(maps.Keys(k)) {
		var value any
		raw := string(k[field].Raw)
		if err := json.Unmarshal(k[field].Raw, &value); err == nil {
			raw = string(lo.Must(json.Marshal(value)))
		}
		parts = append(parts, field, raw)
	}
	return parts
}
