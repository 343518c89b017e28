package iam

import (
	"maps"
	"slices"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// tag is one of a request and of an answer.
type tag struct {
	Key   string `param:",required"`
	Value string
}

const tagQuota = 50

// tagsOf checks the tags of a request.
func tagsOf(list []tag) (map[string]string, error) {
	out := make(map[string]string, len(list))
	for _, t := range list {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, wire.Errorf("ValidationError", "The tag %q is invalid: a key has 1 to 128 characters, a value at most 256", t.Key)
		}
		if _, twice := out[t.Key]; twice {
			return nil, wire.Errorf("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		out[t.Key] = t.Value
	}
	if len(out) > tagQuota {
		return nil, wire.Errorf("LimitExceeded", "Cannot exceed quota for TagsPerResource: %d", tagQuota)
	}
	return out, nil
}

func tagList(tags map[string]string) []tag {
	out := make([]tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tag{Key: key, Value: tags[key]})
	}
	return out
}

// requestKeys are the condition keys of tags that a request brings.
func requestKeys(tags map[string]string) wire.Keys {
	keys := wire.Keys{}
	if len(tags) > 0 {
		keys["aws:TagKeys"] = slices.Sorted(maps.Keys(tags))
	}
	for key, value := range tags {
		keys["aws:RequestTag/"+key] = []string{value}
	}
	return keys
}

// resourceKeys are the condition keys of tags that a resource has.
func resourceKeys(tags map[string]string) wire.Keys {
	keys := wire.Keys{}
	for key, value := range tags {
		keys["aws:ResourceTag/"+key] = []string{value}
	}
	return keys
}

func merged(a, b wire.Keys) wire.Keys {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
