package ssm

import (
	"maps"
	"slices"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const tagQuota = 50

type tag struct {
	Key   string
	Value string
}

type addTagsInput struct {
	ResourceType string `param:",required"`
	ResourceID   string `json:"ResourceId" param:"ResourceId,required"`
	Tags         []tag  `param:",required"`
}

func (w *World) addTags(c *wire.Call, in addTagsInput) (*empty, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.tagged(c, in.ResourceType, in.ResourceID, requestKeys(tags))
	if err != nil {
		return nil, err
	}
	after := maps.Clone(p.tags)
	if after == nil {
		after = map[string]string{}
	}
	maps.Copy(after, tags)
	if len(after) > tagQuota {
		return nil, wire.Errorf("TooManyTagsError", "The limit of tags is %d", tagQuota)
	}
	p.tags = after
	return &empty{}, nil
}

type listTagsInput struct {
	ResourceType string `param:",required"`
	ResourceID   string `json:"ResourceId" param:"ResourceId,required"`
}

type listTagsOutput struct {
	TagList []tag
}

func (w *World) listTags(c *wire.Call, in listTagsInput) (*listTagsOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.tagged(c, in.ResourceType, in.ResourceID, nil)
	if err != nil {
		return nil, err
	}
	out := &listTagsOutput{TagList: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(p.tags)) {
		out.TagList = append(out.TagList, tag{key, p.tags[key]})
	}
	return out, nil
}

// tagged returns the account's parameter whose tags a call is about.
func (w *World) tagged(c *wire.Call, kind, name string, keys wire.Keys) (*parameter, error) {
	if kind != "Parameter" {
		return nil, wire.Errorf("InvalidResourceType", "The resource type %s is not modelled", kind)
	}
	resource := w.resource(c.Region, name)
	maps.Copy(resource.Keys, keys)
	if err := c.Authorize(resource); err != nil {
		return nil, err
	}
	p := w.find(c.Region, name)
	if p == nil || p.public {
		return nil, wire.Errorf("InvalidResourceId", "The resource ID %s is not valid", name)
	}
	return p, nil
}

func tagsOf(list []tag) (map[string]string, error) {
	out := make(map[string]string, len(list))
	for _, t := range list {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, wire.Errorf("ValidationException", "The tag %q is invalid: a key has 1 to 128 characters, a value at most 256", t.Key)
		}
		out[t.Key] = t.Value
	}
	if len(out) > tagQuota {
		return nil, wire.Errorf("TooManyTagsError", "The limit of tags is %d", tagQuota)
	}
	return out, nil
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
