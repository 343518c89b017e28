package ec2

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type describeInstancesInput struct {
	listInput
	InstanceID []string `param:"InstanceId"`
}

type describeInstancesOutput struct {
	Reservations []reservationSet `xml:"reservationSet>item"`
	NextToken    string           `xml:"nextToken,omitempty"`
}

type reservationSet struct {
	ReservationID string         `xml:"reservationId"`
	OwnerID       string         `xml:"ownerId"`
	Instances     []instanceItem `xml:"instancesSet>item"`
}

func (r *region) describeInstances(c *wire.Call, in describeInstancesInput) (*describeInstancesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	if len(in.InstanceID) > 0 && in.MaxResults != nil {
		return nil, wire.Errorf("InvalidParameterCombination",
			"The parameter instancesSet cannot be used with the parameter maxResults")
	}
	wanted, err := compile(in.Filter, r.instanceFields(), tagsOf[*instance])
	if err != nil {
		return nil, err
	}
	some, err := r.visibleInstances(in.InstanceID, in.Filter)
	if err != nil {
		return nil, err
	}
	var matched []*instance
	for _, i := range some {
		if wanted.match(i) {
			matched = append(matched, i)
		}
	}
	items, next, err := page(matched, created[*instance], in.listInput, paged{least: 5, most: 1000})
	if err != nil {
		return nil, err
	}
	return &describeInstancesOutput{Reservations: r.byReservation(items), NextToken: next}, nil
}

// visibleInstances returns those of ids, or all that filters could match when there are none.
// An instance that is not visible yet does not exist.
func (r *region) visibleInstances(ids []string, filters []filter) ([]*instance, error) {
	now := r.now()
	if len(ids) == 0 {
		hidden := func(i *instance) bool { return !i.visible(now) }
		return slices.DeleteFunc(slices.Clone(r.instances.candidates(filters)), hidden), nil
	}
	var out []*instance
	var missing []string
	for _, id := range ids {
		if err := wellFormed("i", id); err != nil {
			return nil, err
		}
		i, ok := r.instances.get(id)
		if !ok || !i.visible(now) {
			missing = append(missing, id)
			continue
		}
		out = append(out, i)
	}
	switch len(missing) {
	case 0:
		return out, nil
	case 1:
		return nil, notFound("i", missing[0])
	default:
		return nil, wire.Errorf("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(missing, ", "))
	}
}

func (r *region) byReservation(items []*instance) []reservationSet {
	at := map[string]int{}
	var out []reservationSet
	for _, i := range items {
		n, ok := at[i.reservation]
		if !ok {
			n = len(out)
			at[i.reservation] = n
			out = append(out, reservationSet{ReservationID: i.reservation, OwnerID: r.w.env.Account})
		}
		out[n].Instances = append(out[n].Instances, r.instanceItem(i))
	}
	return out
}

func (r *region) instanceFields() fields[*instance] {
	one := func(get func(*instance) string) func(*instance) []string {
		return func(i *instance) []string {
			if v := get(i); v != "" {
				return []string{v}
			}
			return nil
		}
	}
	groups := func(get func(*securityGroup) string) func(*instance) []string {
		return func(i *instance) []string { return each(i.plan.groups, get) }
	}
	return fields[*instance]{
		"instance-id":                  one(func(i *instance) string { return i.ID }),
		"instance-state-name":          one(func(i *instance) string { return i.state }),
		"instance-state-code":          one(func(i *instance) string { return strconv.Itoa(stateCode(i.state)) }),
		"instance-type":                one(func(i *instance) string { return i.plan.kind.Name }),
		"instance-lifecycle":           one((*instance).lifecycle),
		"image-id":                     one(func(i *instance) string { return i.plan.image.base.ID }),
		"availability-zone":            one(func(i *instance) string { return i.plan.zone.Name }),
		"availability-zone-id":         one(func(i *instance) string { return i.plan.zone.ID }),
		"subnet-id":                    one(func(i *instance) string { return i.plan.subnet.ID }),
		"vpc-id":                       one(func(i *instance) string { return i.plan.subnet.vpc.ID }),
		"private-ip-address":           one(func(i *instance) string { return addrText(i.privateAddr()) }),
		"private-dns-name":             one(func(i *instance) string { return r.privateName(i) }),
		"client-token":                 one(func(i *instance) string { return i.clientToken }),
		"reservation-id":               one(func(i *instance) string { return i.reservation }),
		"spot-instance-request-id":     one(func(i *instance) string { return i.spotRequest }),
		"iam-instance-profile.arn":     one(func(i *instance) string { return i.plan.profileARN }),
		"iam-instance-profile.name":    one(func(i *instance) string { return i.plan.profileARN[strings.LastIndex(i.plan.profileARN, "/")+1:] }),
		"key-name":                     one(func(i *instance) string { return i.plan.data.KeyName }),
		"architecture":                 one(func(i *instance) string { return i.plan.image.Architecture }),
		"owner-id":                     one(func(*instance) string { return r.w.env.Account }),
		"placement-group-name":         one(func(i *instance) string { return i.groupName() }),
		"tenancy":                      one(func(i *instance) string { return i.tenancy() }),
		"instance.group-id":            groups(func(g *securityGroup) string { return g.ID }),
		"instance.group-name":          groups(func(g *securityGroup) string { return g.name }),
		"network-interface.subnet-id":  one(func(i *instance) string { return i.plan.subnet.ID }),
		"capacity-reservation-id":      one((*instance).reservationID),
		"metadata-options.http-tokens": one(func(i *instance) string { return i.metadata().HTTPTokens }),
		"launch-time":                  one(func(i *instance) string { return stamp(i.launched) }),
	}
}

func (i *instance) groupName() string {
	if i.plan.placement == nil {
		return ""
	}
	return i.plan.placement.Name
}

func (i *instance) tenancy() string {
	if p := i.plan.data.Placement; p != nil && p.Tenancy != "" {
		return p.Tenancy
	}
	return "default"
}

func (i *instance) reservationID() string {
	if i.reserved == nil {
		return ""
	}
	return i.reserved.base.ID
}

type describeAttributeInput struct {
	Attribute  string `param:",required"`
	DryRun     bool
	InstanceID string `param:"InstanceId,required"`
}

type attributeValue struct {
	Value string `xml:"value,omitempty"`
}

type describeAttributeOutput struct {
	InstanceID            string          `xml:"instanceId"`
	UserData              *attributeValue `xml:"userData"`
	InstanceType          *attributeValue `xml:"instanceType"`
	DisableAPITermination *attributeValue `xml:"disableApiTermination"`
	ShutdownBehavior      *attributeValue `xml:"instanceInitiatedShutdownBehavior"`
	RootDeviceName        *attributeValue `xml:"rootDeviceName"`
	SourceDestCheck       *attributeValue `xml:"sourceDestCheck"`
	EbsOptimized          *attributeValue `xml:"ebsOptimized"`
}

func (r *region) describeAttribute(c *wire.Call, in describeAttributeInput) (*describeAttributeOutput, error) {
	found, err := r.visibleInstances([]string{in.InstanceID}, nil)
	if err != nil {
		return nil, err
	}
	i := found[0]
	if err := permit(c, in.DryRun, r.existing("instance", i.ID, i.Tags)); err != nil {
		return nil, err
	}
	out := &describeAttributeOutput{InstanceID: i.ID}
	return out, out.set(in.Attribute, i)
}

// set sets the attribute of that name to what i has.
func (o *describeAttributeOutput) set(attribute string, i *instance) error {
	data := i.plan.data
	switch attribute {
	case "userData":
		o.UserData = &attributeValue{data.UserData}
	case "instanceType":
		o.InstanceType = &attributeValue{i.plan.kind.Name}
	case "disableApiTermination":
		o.DisableAPITermination = &attributeValue{strconv.FormatBool(deref(data.DisableAPITermination))}
	case "instanceInitiatedShutdownBehavior":
		o.ShutdownBehavior = &attributeValue{orElse(data.InstanceInitiatedShutdownBehavior, "stop")}
	case "rootDeviceName":
		o.RootDeviceName = &attributeValue{i.plan.image.RootDevice}
	case "sourceDestCheck":
		o.SourceDestCheck = &attributeValue{"true"}
	case "ebsOptimized":
		o.EbsOptimized = &attributeValue{strconv.FormatBool(deref(data.EbsOptimized))}
	default:
		return wire.Errorf("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", attribute)
	}
	return nil
}

// ScheduledEvent is maintenance that AWS announces for an instance.
type ScheduledEvent struct {
	ID, Code, Description string // Code: "instance-retirement", "system-reboot", ...
	NotBefore, NotAfter   time.Time
}

// SetScheduledEvents announces events for an instance, in place of those before.
func (w *World) SetScheduledEvents(regionName, id string, events ...ScheduledEvent) error {
	return w.edit(regionName, id, func(i *instance) { i.scheduled = events })
}

// SetHealth sets what both status checks of an instance say: "ok", "impaired", ...
func (w *World) SetHealth(regionName, id, status string) error {
	return w.edit(regionName, id, func(i *instance) { i.health = status })
}

// edit changes an instance, seen by callers or not.
func (w *World) edit(regionName, id string, change func(*instance)) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		i, ok := r.instances.get(id)
		if !ok {
			return struct{}{}, notFound("i", id)
		}
		change(i)
		return struct{}{}, nil
	})
	return err
}
