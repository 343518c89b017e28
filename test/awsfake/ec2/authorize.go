package ec2

import (
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// permit asks whether the caller may do this call's action to resources, and ends a dry run.
func permit(c *wire.Call, dryRun bool, resources ...wire.Resource) error {
	if err := c.Authorize(resources...); err != nil {
		return err
	}
	if dryRun {
		return wire.DryRun()
	}
	return nil
}

func (r *region) arn(kind, id string) string {
	if kind == "image" || kind == "snapshot" {
		return "arn:" + r.w.env.Partition + ":ec2:" + r.name + "::" + kind + "/" + id
	}
	return r.w.env.ARN("ec2", r.name, kind+"/"+id)
}

// existing is a resource that a call uses or changes: its tags decide.
func (r *region) existing(kind, id string, tags map[string]string) wire.Resource {
	keys := wire.Keys{"ec2:Region": {r.name}}
	for k, v := range tags {
		keys["aws:ResourceTag/"+k] = []string{v}
		keys["ec2:ResourceTag/"+k] = []string{v}
	}
	return wire.Resource{ARN: r.arn(kind, id), Keys: keys}
}

// creating is a resource that a call makes: the tags it is asked to give decide.
func (r *region) creating(kind string, tags map[string]string) wire.Resource {
	return wire.Resource{ARN: r.arn(kind, "*"), Keys: r.requestKeys(tags)}
}

func (r *region) requestKeys(tags map[string]string) wire.Keys {
	keys := wire.Keys{"ec2:Region": {r.name}}
	var names []string
	for k, v := range tags {
		if strings.HasPrefix(k, "aws:") {
			continue // EC2's own, which nobody asked for
		}
		keys["aws:RequestTag/"+k] = []string{v}
		names = append(names, k)
	}
	if len(names) > 0 {
		slices.Sort(names)
		keys["aws:TagKeys"] = names
	}
	return keys
}

// permitTags asks for ec2:CreateTags on what a call makes and tags at once, as EC2 does.
func (r *region) permitTags(c *wire.Call, action, kind string, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	res := r.creating(kind, tags)
	return c.AuthorizeAs("ec2:CreateTags", wire.Keys{"ec2:CreateAction": {action}}, res)
}
