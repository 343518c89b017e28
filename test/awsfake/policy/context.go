package policy

import (
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// context is the condition keys of a request, by their names in lower case: IAM does
// not tell the case of keys, nor that of the tag in aws:ResourceTag/x.
type context map[string][]string

// newContext merges keys; later ones win.
func newContext(all ...wire.Keys) context {
	out := context{}
	for _, keys := range all {
		for name, values := range keys {
			out[strings.ToLower(name)] = values
		}
	}
	return out
}

// get returns the values of a key; none when it is absent.
func (c context) get(name string) []string {
	return c[strings.ToLower(name)]
}
