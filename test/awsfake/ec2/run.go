package ec2

import (
	"maps"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type runInput struct {
	launchData
	ClientToken    string
	DryRun         bool
	LaunchTemplate *templateChoice
	MaxCount       int    `param:",required"`
	MinCount       int    `param:",required"`
	SubnetID       string `param:"SubnetId"`
}

type runOutput struct {
	ReservationID string         `xml:"reservationId"`
	OwnerID       string         `xml:"ownerId"`
	Instances     []instanceItem `xml:"instancesSet>item"`

	started []*instance
}

func (r *region) runInstances(c *wire.Call, in runInput) (*runOutput, error) {
	if in.MinCount < 1 || in.MaxCount < in.MinCount {
		return nil, wire.Errorf("InvalidParameterValue", "MinCount %d and MaxCount %d must be 1 <= MinCount <= MaxCount", in.MinCount, in.MaxCount)
	}
	p, err := r.planRun(in)
	if err != nil {
		return nil, err
	}
	if err := r.permitLaunch(c, p); err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, wire.DryRun()
	}
	out, err := once(r, c, in.ClientToken, func() (*runOutput, error) { return r.run(p, in) })
	if err != nil {
		return nil, err
	}
	for _, i := range out.started {
		if i.state == Terminated {
			return nil, wire.Errorf("IdempotentInstanceTerminated",
				"The client token was used for the instance %s, which is terminated", i.ID)
		}
	}
	return out, nil
}

// planRun joins the request with its template.
func (r *region) planRun(in runInput) (*plan, error) {
	tags, err := parseSpecifications(in.TagSpecification, launchedKinds()...)
	if err != nil {
		return nil, err
	}
	data := in.launchData
	var t *template
	if in.LaunchTemplate != nil {
		if t, err = r.choose(*in.LaunchTemplate); err != nil {
			return nil, err
		}
		data = t.data.over(in.launchData)
		tags = mergeTags(t.tags, tags)
	}
	at := where{subnetID: in.SubnetID, capacityType: OnDemand}
	if data.Placement != nil {
		at.zone, at.zoneID = data.Placement.AvailabilityZone, data.Placement.AvailabilityZoneID
	}
	if m := data.InstanceMarketOptions; m != nil && m.MarketType == Spot {
		at.capacityType = Spot
	}
	if err := checkSpotTags(tags, at.capacityType); err != nil {
		return nil, err
	}
	p, err := r.plan(data, at, r.systemTags(tags, t, ""))
	if err != nil {
		return nil, err
	}
	p.template = t
	return p, nil
}

// run starts as many as there is room for, up to MaxCount, or fewer than MinCount not at all.
func (r *region) run(p *plan, in runInput) (*runOutput, error) {
	l := &launch{reservation: r.id("r"), clientToken: in.ClientToken}
	out := &runOutput{ReservationID: l.reservation, OwnerID: r.w.env.Account}
	for len(out.started) < in.MaxCount {
		i, err := r.start(p, l)
		if err == nil {
			out.started = append(out.started, i)
			continue
		}
		if len(out.started) >= in.MinCount {
			break
		}
		r.undo(out.started)
		return nil, err
	}
	out.Instances = each(out.started, r.instanceItem)
	return out, nil
}

// undo takes back instances that nobody has seen.
func (r *region) undo(started []*instance) {
	for _, i := range started {
		i.state = Terminated
		r.release(i)
		r.instances.remove(i.ID)
	}
}

// checkSpotTags: EC2 refuses to tag a spot request that the launch does not make.
func checkSpotTags(tags map[string]map[string]string, capacityType string) error {
	if len(tags["spot-instances-request"]) > 0 && capacityType != Spot {
		return wire.Errorf("InvalidParameterValue",
			"You cannot specify tags for Spot instances requests if there are no Spot instances requests being created by the request.")
	}
	return nil
}

// mergeTags joins the tags of a template with those of a request, which win.
func mergeTags(template, request map[string]map[string]string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, from := range []map[string]map[string]string{template, request} {
		for kind, tags := range from {
			if out[kind] == nil {
				out[kind] = map[string]string{}
			}
			maps.Copy(out[kind], tags)
		}
	}
	return out
}

// systemTags adds the tags that EC2 itself gives to instances.
func (r *region) systemTags(tags map[string]map[string]string, t *template, fleetID string) map[string]map[string]string {
	out := mergeTags(nil, tags)
	if t == nil && fleetID == "" {
		return out
	}
	if out["instance"] == nil {
		out["instance"] = map[string]string{}
	}
	if t != nil {
		out["instance"]["aws:ec2launchtemplate:id"] = t.ID
		out["instance"]["aws:ec2launchtemplate:version"] = "1"
	}
	if fleetID != "" {
		out["instance"]["aws:ec2:fleet-id"] = fleetID
	}
	return out
}
