package ec2

import (
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type volumeItem struct {
	VolumeID    string             `xml:"volumeId"`
	Size        int32              `xml:"size"`
	SnapshotID  string             `xml:"snapshotId"`
	Zone        string             `xml:"availabilityZone"`
	ZoneID      string             `xml:"availabilityZoneId"`
	Status      string             `xml:"status"`
	CreateTime  string             `xml:"createTime"`
	Attachments []volumeAttachment `xml:"attachmentSet>item"`
	VolumeType  string             `xml:"volumeType"`
	Iops        int32              `xml:"iops,omitempty"`
	Throughput  int32              `xml:"throughput,omitempty"`
	Encrypted   bool               `xml:"encrypted"`
	KmsKeyID    string             `xml:"kmsKeyId,omitempty"`
	Tags        []tagItem          `xml:"tagSet>item"`
}

type volumeAttachment struct {
	VolumeID            string `xml:"volumeId"`
	InstanceID          string `xml:"instanceId"`
	Device              string `xml:"device"`
	Status              string `xml:"status"`
	AttachTime          string `xml:"attachTime"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

func (v *volume) item() volumeItem {
	out := volumeItem{
		VolumeID: v.ID, Size: v.sizeGiB, SnapshotID: v.snapshot, Zone: v.zone, ZoneID: v.zoneID, Status: "available",
		CreateTime: stamp(v.created), VolumeType: v.kind, Iops: v.iops, Throughput: v.throughput, Encrypted: v.encrypted,
		KmsKeyID: v.kmsKey, Tags: sortedTags(v.Tags),
	}
	if v.instance != nil {
		out.Status = "in-use"
		out.Attachments = []volumeAttachment{{
			VolumeID: v.ID, InstanceID: v.instance.ID, Device: v.device, Status: "attached", AttachTime: stamp(v.created),
			DeleteOnTermination: v.deleteOnTermination,
		}}
	}
	return out
}

type describeVolumesInput struct {
	listInput
	VolumeID []string `param:"VolumeId"`
}

type describeVolumesOutput struct {
	Items     []volumeItem `xml:"volumeSet>item"`
	NextToken string       `xml:"nextToken,omitempty"`
}

func (r *region) describeVolumes(c *wire.Call, in describeVolumesInput) (*describeVolumesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	items, next, err := list(r.volumes, in.listInput, in.VolumeID, "vol", fields[*volume]{
		"volume-id":              func(v *volume) []string { return []string{v.ID} },
		"availability-zone":      func(v *volume) []string { return []string{v.zone} },
		"volume-type":            func(v *volume) []string { return []string{v.kind} },
		"status":                 func(v *volume) []string { return []string{v.item().Status} },
		"attachment.instance-id": func(v *volume) []string { return v.attachedTo() },
		"attachment.device":      func(v *volume) []string { return []string{v.device} },
	})
	if err != nil {
		return nil, err
	}
	return &describeVolumesOutput{Items: each(items, (*volume).item), NextToken: next}, nil
}

func (v *volume) attachedTo() []string {
	if v.instance == nil {
		return nil
	}
	return []string{v.instance.ID}
}

type interfaceItem struct {
	attachedInterface
	Zone   string    `xml:"availabilityZone"`
	ZoneID string    `xml:"availabilityZoneId"`
	Tags   []tagItem `xml:"tagSet>item"`
}

type describeInterfacesInput struct {
	listInput
	NetworkInterfaceID []string `param:"NetworkInterfaceId"`
}

type describeInterfacesOutput struct {
	Items     []interfaceItem `xml:"networkInterfaceSet>item"`
	NextToken string          `xml:"nextToken,omitempty"`
}

func (r *region) describeInterfaces(c *wire.Call, in describeInterfacesInput) (*describeInterfacesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	items, next, err := list(r.interfaces, in.listInput, in.NetworkInterfaceID, "eni", fields[*networkInterface]{
		"network-interface-id":   func(n *networkInterface) []string { return []string{n.ID} },
		"attachment.instance-id": func(n *networkInterface) []string { return []string{n.instance.ID} },
		"subnet-id":              func(n *networkInterface) []string { return []string{n.subnet.ID} },
		"vpc-id":                 func(n *networkInterface) []string { return []string{n.subnet.vpc.ID} },
		"private-ip-address":     func(n *networkInterface) []string { return each(n.addrs, addrText) },
		"group-id": func(n *networkInterface) []string {
			return each(n.groups, func(g *securityGroup) string { return g.ID })
		},
	})
	if err != nil {
		return nil, err
	}
	return &describeInterfacesOutput{Items: each(items, r.interfaceItem), NextToken: next}, nil
}

func (r *region) interfaceItem(n *networkInterface) interfaceItem {
	out := interfaceItem{
		attachedInterface: r.attachedInterface(n), Zone: n.subnet.zone.Name, ZoneID: n.subnet.zone.ID, Tags: sortedTags(n.Tags),
	}
	out.Attachment.InstanceID, out.Attachment.InstanceOwnerID = n.instance.ID, r.w.env.Account
	return out
}

type describeStatusInput struct {
	listInput
	IncludeAllInstances bool
	InstanceID          []string `param:"InstanceId"`
}

type statusItem struct {
	InstanceID     string       `xml:"instanceId"`
	Zone           string       `xml:"availabilityZone"`
	ZoneID         string       `xml:"availabilityZoneId"`
	State          stateItem    `xml:"instanceState"`
	SystemStatus   statusDetail `xml:"systemStatus"`
	InstanceStatus statusDetail `xml:"instanceStatus"`
	Events         []eventItem  `xml:"eventsSet>item"`
}

type statusDetail struct {
	Status  string             `xml:"status"`
	Details []statusDetailItem `xml:"details>item"`
}

type statusDetailItem struct {
	Name          string `xml:"name"`
	Status        string `xml:"status"`
	ImpairedSince string `xml:"impairedSince,omitempty"`
}

type eventItem struct {
	ID          string `xml:"instanceEventId"`
	Code        string `xml:"code"`
	Description string `xml:"description"`
	NotBefore   string `xml:"notBefore,omitempty"`
	NotAfter    string `xml:"notAfter,omitempty"`
}

type describeStatusOutput struct {
	Items     []statusItem `xml:"instanceStatusSet>item"`
	NextToken string       `xml:"nextToken,omitempty"`
}

func (r *region) describeStatus(c *wire.Call, in describeStatusInput) (*describeStatusOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	wanted, err := compile(in.Filter, statusFields(), tagsOf[*instance])
	if err != nil {
		return nil, err
	}
	some, err := r.visibleInstances(in.InstanceID, in.Filter)
	if err != nil {
		return nil, err
	}
	var matched []*instance
	for _, i := range some {
		if (i.state == Running || in.IncludeAllInstances) && wanted.match(i) {
			matched = append(matched, i)
		}
	}
	items, next, err := page(matched, created[*instance], in.listInput, paged{least: 5, most: 1000, whole: 100})
	if err != nil {
		return nil, err
	}
	return &describeStatusOutput{Items: each(items, newStatusItem), NextToken: next}, nil
}

func statusFields() fields[*instance] {
	event := func(get func(ScheduledEvent) string) func(*instance) []string {
		return func(i *instance) []string { return each(i.scheduled, get) }
	}
	return fields[*instance]{
		"availability-zone":      func(i *instance) []string { return []string{i.plan.zone.Name} },
		"instance-state-name":    func(i *instance) []string { return []string{i.state} },
		"instance-status.status": func(i *instance) []string { return []string{i.health} },
		"instance-status.reachability": func(i *instance) []string {
			return []string{reachability(i.health)}
		},
		"system-status.status": func(i *instance) []string { return []string{i.health} },
		"system-status.reachability": func(i *instance) []string {
			return []string{reachability(i.health)}
		},
		"event.code":        event(func(e ScheduledEvent) string { return e.Code }),
		"event.description": event(func(e ScheduledEvent) string { return e.Description }),
	}
}

func reachability(health string) string {
	return map[string]string{"ok": "passed", "impaired": "failed"}[health]
}

func newStatusItem(i *instance) statusItem {
	detail := statusDetail{Status: i.health, Details: []statusDetailItem{{Name: "reachability", Status: reachability(i.health)}}}
	out := statusItem{
		InstanceID: i.ID, Zone: i.plan.zone.Name, ZoneID: i.plan.zone.ID, State: newState(i.state),
		SystemStatus: detail, InstanceStatus: detail,
	}
	for _, e := range i.scheduled {
		out.Events = append(out.Events, eventItem{
			ID: e.ID, Code: e.Code, Description: e.Description, NotBefore: stampOrNone(e.NotBefore), NotAfter: stampOrNone(e.NotAfter),
		})
	}
	return out
}

func stampOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}
