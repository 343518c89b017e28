package ec2

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// maxTags is how many tags of users a resource can bear.
const maxTags = 50

type tagItem struct {
	Key   string `param:",required" xml:"key"`
	Value string `xml:"value"`
}

type tagSpecification struct {
	ResourceType string    `param:",required" xml:"resourceType"`
	Tag          []tagItem `xml:"tagSet>item"`
}

// sortedTags are tags as answers list them, by key.
func sortedTags(tags map[string]string) []tagItem {
	out := make([]tagItem, 0, len(tags))
	for k, v := range tags {
		out = append(out, tagItem{Key: k, Value: v})
	}
	slices.SortFunc(out, func(a, b tagItem) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// parseTags checks tags that a user gives.
func parseTags(items []tagItem) (map[string]string, error) {
	out := make(map[string]string, len(items))
	for _, tag := range items {
		switch _, twice := out[tag.Key]; {
		case tag.Key == "":
			return nil, wire.Errorf("InvalidParameterValue", "Tag key cannot be empty")
		case strings.HasPrefix(strings.ToLower(tag.Key), "aws:"):
			return nil, wire.Errorf("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case len(tag.Key) > 128:
			return nil, wire.Errorf("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters")
		case len(tag.Value) > 256:
			return nil, wire.Errorf("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
		case twice:
			return nil, wire.Errorf("InvalidParameterValue", "Duplicate tag key '%s' specified.", tag.Key)
		}
		out[tag.Key] = tag.Value
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("TagLimitExceeded", "More than %d tags specified", maxTags)
	}
	return out, nil
}

// parseSpecifications checks tag specifications and sorts them by resource type, of which
// allowed are the ones that the call can tag.
func parseSpecifications(specs []tagSpecification, allowed ...string) (map[string]map[string]string, error) {
	out := map[string]map[string]string{}
	for _, spec := range specs {
		if !slices.Contains(allowed, spec.ResourceType) {
			return nil, wire.Errorf("InvalidParameterValue",
				"'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		if out[spec.ResourceType] != nil {
			return nil, wire.Errorf("InvalidParameterValue",
				"Tag specification resource type '%s' is given more than once.", spec.ResourceType)
		}
		tags, err := parseTags(spec.Tag)
		if err != nil {
			return nil, err
		}
		out[spec.ResourceType] = tags
	}
	return out, nil
}

// taggable is one resource that can be tagged, whatever its kind.
type taggable struct {
	id, kind string
	tags     map[string]string
	retag    func(change func(map[string]string))
}

func tagged[T resource](t *table[T], id, kind string) (taggable, bool) {
	item, ok := t.get(id)
	if !ok {
		return taggable{}, false
	}
	return taggable{id, kind, item.meta().Tags, func(change func(map[string]string)) { t.retag(item, change) }}, true
}

// taggable finds a resource by its id; the error is the one of its kind.
func (r *region) taggable(id string) (taggable, error) {
	prefix, _, _ := strings.Cut(id, "-")
	find, ok := map[string]func() (taggable, bool){
		"i":      func() (taggable, bool) { return r.taggableInstance(id) },
		"vpc":    func() (taggable, bool) { return tagged(r.vpcs, id, "vpc") },
		"subnet": func() (taggable, bool) { return tagged(r.subnets, id, "subnet") },
		"sg":     func() (taggable, bool) { return tagged(r.groups, id, "security-group") },
		"ami":    func() (taggable, bool) { return tagged(r.images, id, "image") },
		"lt":     func() (taggable, bool) { return tagged(r.templates, id, "launch-template") },
		"vol":    func() (taggable, bool) { return tagged(r.volumes, id, "volume") },
		"eni":    func() (taggable, bool) { return tagged(r.interfaces, id, "network-interface") },
		"fleet":  func() (taggable, bool) { return tagged(r.fleets, id, "fleet") },
		"pg":     func() (taggable, bool) { return tagged(r.placements, id, "placement-group") },
		"cr":     func() (taggable, bool) { return tagged(r.reservations, id, "capacity-reservation") },
	}[prefix]
	if !ok {
		return taggable{}, wire.Errorf("InvalidID", "The ID '%s' is not valid", id)
	}
	if found, ok := find(); ok {
		return found, nil
	}
	return taggable{}, notFound(prefix, id)
}

func (r *region) taggableInstance(id string) (taggable, bool) {
	if i, ok := r.instances.get(id); !ok || !i.visible(r.now()) {
		return taggable{}, false
	}
	return tagged(r.instances, id, "instance")
}

// notFound is EC2's answer for an id of that prefix which nothing bears.
func notFound(prefix, id string) error {
	say, ok := map[string]struct{ code, format string }{
		"i":      {"InvalidInstanceID.NotFound", "The instance ID '%s' does not exist"},
		"vpc":    {"InvalidVpcID.NotFound", "The vpc ID '%s' does not exist"},
		"subnet": {"InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist"},
		"sg":     {"InvalidGroup.NotFound", "The security group '%s' does not exist"},
		"ami":    {"InvalidAMIID.NotFound", "The image id '[%s]' does not exist"},
		"lt":     {"InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist."},
		"vol":    {"InvalidVolume.NotFound", "The volume '%s' does not exist."},
		"eni":    {"InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist"},
		"fleet":  {"InvalidFleetId.NotFound", "The fleet ID '%s' does not exist"},
		"pg":     {"InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown."},
		"cr":     {"InvalidCapacityReservationId.NotFound", "The capacity reservation ID '%s' does not exist"},
	}[prefix]
	if !ok {
		return wire.Errorf("InvalidID", "The ID '%s' is not valid", id)
	}
	return wire.Errorf(say.code, say.format, id)
}

type tagsInput struct {
	DryRun     bool
	ResourceID []string  `param:"ResourceId,required"`
	Tag        []tagItem `param:",required"`
}

type untagInput struct {
	DryRun     bool
	ResourceID []string `param:"ResourceId,required"`
	Tag        []struct {
		Key   string `param:",required"`
		Value *string
	}
}

type done struct {
	Return bool `xml:"return"`
}

func (r *region) createTags(c *wire.Call, in tagsInput) (*done, error) {
	tags, err := parseTags(in.Tag)
	if err != nil {
		return nil, err
	}
	found, err := r.permitTagging(c, in.DryRun, in.ResourceID, tags)
	if err != nil {
		return nil, err
	}
	for _, res := range found {
		if full(res.tags, tags) {
			return nil, wire.Errorf("TagLimitExceeded", "The maximum number of tags for the resource %s is %d", res.id, maxTags)
		}
	}
	for _, res := range found {
		res.retag(func(have map[string]string) { maps.Copy(have, tags) })
	}
	return &done{true}, nil
}

// full reports whether a resource cannot take more tags. Those of AWS itself do not count.
func full(have, more map[string]string) bool {
	n := 0
	for k := range have {
		if _, replaced := more[k]; !replaced && !strings.HasPrefix(k, "aws:") {
			n++
		}
	}
	return n+len(more) > maxTags
}

func (r *region) deleteTags(c *wire.Call, in untagInput) (*done, error) {
	tags := map[string]string{}
	for _, tag := range in.Tag {
		tags[tag.Key] = ""
	}
	found, err := r.permitTagging(c, in.DryRun, in.ResourceID, tags)
	if err != nil {
		return nil, err
	}
	for _, res := range found {
		res.retag(func(have map[string]string) {
			for _, tag := range in.Tag {
				if tag.Value == nil || *tag.Value == have[tag.Key] {
					delete(have, tag.Key)
				}
			}
			if len(in.Tag) == 0 {
				maps.DeleteFunc(have, func(k, _ string) bool { return !strings.HasPrefix(k, "aws:") })
			}
		})
	}
	return &done{true}, nil
}

// permitTagging finds all of ids, else none, and asks for the permission to tag them.
func (r *region) permitTagging(c *wire.Call, dryRun bool, ids []string, tags map[string]string) ([]taggable, error) {
	var found []taggable
	var asked []wire.Resource
	for _, id := range ids {
		res, err := r.taggable(id)
		if err != nil {
			return nil, err
		}
		found = append(found, res)
		ask := r.existing(res.kind, res.id, res.tags)
		maps.Copy(ask.Keys, r.requestKeys(tags))
		asked = append(asked, ask)
	}
	return found, permit(c, dryRun, asked...)
}

type tagDescription struct {
	ResourceID   string `xml:"resourceId"`
	ResourceType string `xml:"resourceType"`
	Key          string `xml:"key"`
	Value        string `xml:"value"`

	seq int
}

type describeTagsOutput struct {
	Items     []tagDescription `xml:"tagSet>item"`
	NextToken string           `xml:"nextToken,omitempty"`
}

func (r *region) describeTags(c *wire.Call, in listInput) (*describeTagsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	wanted, err := compile(in.Filter, fields[tagDescription]{
		"key":           func(t tagDescription) []string { return []string{t.Key} },
		"value":         func(t tagDescription) []string { return []string{t.Value} },
		"resource-id":   func(t tagDescription) []string { return []string{t.ResourceID} },
		"resource-type": func(t tagDescription) []string { return []string{t.ResourceType} },
	}, func(t tagDescription) map[string]string { return map[string]string{t.Key: t.Value} })
	if err != nil {
		return nil, err
	}
	var all []tagDescription
	for _, res := range r.allTaggable() {
		for _, tag := range sortedTags(res.tags) {
			item := tagDescription{ResourceID: res.id, ResourceType: res.kind, Key: tag.Key, Value: tag.Value}
			if item.seq = len(all) + 1; wanted.match(item) {
				all = append(all, item)
			}
		}
	}
	items, next, err := page(all, func(t tagDescription) int { return t.seq }, in, paged{least: 5, most: 1000})
	if err != nil {
		return nil, err
	}
	return &describeTagsOutput{Items: items, NextToken: next}, nil
}

func (r *region) allTaggable() []taggable {
	now := r.now()
	var out []taggable
	out = appendAll(out, r.vpcs, "vpc")
	out = appendAll(out, r.subnets, "subnet")
	out = appendAll(out, r.groups, "security-group")
	out = appendAll(out, r.images, "image")
	out = appendAll(out, r.templates, "launch-template")
	for _, i := range r.instances.order {
		if i.visible(now) {
			out = append(out, taggable{id: i.ID, kind: "instance", tags: i.Tags})
		}
	}
	out = appendAll(out, r.volumes, "volume")
	out = appendAll(out, r.interfaces, "network-interface")
	out = appendAll(out, r.fleets, "fleet")
	out = appendAll(out, r.placements, "placement-group")
	return appendAll(out, r.reservations, "capacity-reservation")
}

func appendAll[T resource](out []taggable, t *table[T], kind string) []taggable {
	for _, item := range t.order {
		out = append(out, taggable{id: item.meta().ID, kind: kind, tags: item.meta().Tags})
	}
	return out
}
