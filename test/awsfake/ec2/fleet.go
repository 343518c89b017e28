package ec2

import (
	"maps"
	"slices"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// maxOverrides is EC2's limit of launch specifications in one fleet.
const maxOverrides = 300

// fleet is one CreateFleet of type instant; EC2 keeps it for its tags and its name.
type fleet struct{ base }

type fleetInput struct {
	ClientToken                     string
	Context                         string
	DryRun                          bool
	ExcessCapacityTerminationPolicy string
	LaunchTemplateConfigs           []fleetConfig `param:",required"`
	OnDemandOptions                 struct{ AllocationStrategy string }
	SpotOptions                     struct {
		AllocationStrategy           string
		InstanceInterruptionBehavior string
	}
	TagSpecification            []tagSpecification
	TargetCapacitySpecification fleetTarget `param:",required"`
	Type                        string
}

type fleetTarget struct {
	DefaultTargetCapacityType string
	OnDemandTargetCapacity    int
	SpotTargetCapacity        int
	TotalTargetCapacity       int `param:",required"`
}

type fleetConfig struct {
	LaunchTemplateSpecification templateChoice `param:",required"`
	Overrides                   []override
}

// override changes the template for one pool.
type override struct {
	AvailabilityZone   string         `xml:"availabilityZone,omitempty"`
	AvailabilityZoneID string         `param:"AvailabilityZoneId" xml:"availabilityZoneId,omitempty"`
	BlockDeviceMapping []blockDevice  `xml:"blockDeviceMappingSet>item"`
	IamInstanceProfile *profileChoice `xml:"-"`
	ImageID            string         `param:"ImageId" xml:"imageId,omitempty"`
	InstanceType       string         `xml:"instanceType,omitempty"`
	MaxPrice           string         `xml:"maxPrice,omitempty"`
	Placement          *placement     `xml:"placement"`
	Priority           *float64       `xml:"priority"`
	SubnetID           string         `param:"SubnetId" xml:"subnetId,omitempty"`
}

type fleetOutput struct {
	FleetID   string          `xml:"fleetId"`
	Errors    []fleetError    `xml:"errorSet>item"`
	Instances []fleetInstance `xml:"fleetInstanceSet>item"`
}

type fleetPlace struct {
	Template  templateChoice `xml:"launchTemplateSpecification"`
	Overrides override       `xml:"overrides"`
}

type fleetError struct {
	Place     fleetPlace `xml:"launchTemplateAndOverrides"`
	Lifecycle string     `xml:"lifecycle"`
	Code      string     `xml:"errorCode"`
	Message   string     `xml:"errorMessage"`
}

type fleetInstance struct {
	Place        fleetPlace `xml:"launchTemplateAndOverrides"`
	Lifecycle    string     `xml:"lifecycle"`
	InstanceIDs  []string   `xml:"instanceIds>item"`
	InstanceType string     `xml:"instanceType"`
	Zone         string     `xml:"availabilityZone"`
	ZoneID       string     `xml:"availabilityZoneId"`
	SubnetID     string     `xml:"subnetId"`
}

func (r *region) createFleet(c *wire.Call, in fleetInput) (*fleetOutput, error) {
	targets, err := in.check()
	if err != nil {
		return nil, err
	}
	tags, err := parseSpecifications(in.TagSpecification, "fleet", "instance", "volume", "network-interface")
	if err != nil {
		return nil, err
	}
	places, err := r.places(in)
	if err != nil {
		return nil, err
	}
	if err := r.permitFleet(c, places, tags); err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, wire.DryRun()
	}
	return once(r, c, in.ClientToken, func() (*fleetOutput, error) {
		made := r.fleets.add(&fleet{base{ID: "fleet-" + r.w.env.UUID(), Tags: tags["fleet"]}})
		f := &filling{
			region: r, call: c, in: &in, tags: tags, out: &fleetOutput{FleetID: made.ID},
			launch: launch{reservation: r.id("r"), clientToken: made.ID + "-0", fleetID: made.ID},
		}
		for _, target := range targets {
			f.fill(target, places)
		}
		return f.out, nil
	})
}

// target is how many instances a fleet wants of a capacity type.
type target struct {
	capacityType string
	count        int
}

func (in *fleetInput) check() ([]target, error) {
	if in.Type != "instant" {
		return nil, wire.Errorf("InvalidParameterValue", "The fleet type '%s' is not modelled, only 'instant' is", orElse(in.Type, "maintain"))
	}
	overrides := 0
	for _, config := range in.LaunchTemplateConfigs {
		overrides += max(1, len(config.Overrides))
		if config.LaunchTemplateSpecification.Version == "" {
			return nil, wire.Errorf("MissingParameter", "The request must contain the parameter LaunchTemplateSpecification.Version")
		}
	}
	if overrides > maxOverrides {
		return nil, wire.Errorf("InvalidParameterValue", "The fleet has %d launch specifications, more than %d", overrides, maxOverrides)
	}
	if b := in.SpotOptions.InstanceInterruptionBehavior; b != "" && b != "terminate" {
		return nil, wire.Errorf("InvalidParameterValue", "Instant fleets do not take the interruption behavior '%s'", b)
	}
	return in.TargetCapacitySpecification.targets()
}

func (t fleetTarget) targets() ([]target, error) {
	named := t.OnDemandTargetCapacity + t.SpotTargetCapacity
	if t.TotalTargetCapacity < 1 || named > t.TotalTargetCapacity || t.OnDemandTargetCapacity < 0 || t.SpotTargetCapacity < 0 {
		return nil, wire.Errorf("InvalidTargetCapacitySpecification",
			"The total target capacity %d must be positive and not less than on-demand and spot together", t.TotalTargetCapacity)
	}
	of := map[string]int{OnDemand: t.OnDemandTargetCapacity, Spot: t.SpotTargetCapacity}
	switch rest := orElse(t.DefaultTargetCapacityType, OnDemand); rest {
	case OnDemand, Spot, capacityBlock:
		of[rest] += t.TotalTargetCapacity - named
	default:
		return nil, wire.Errorf("InvalidParameterValue", "Value (%s) for parameter DefaultTargetCapacityType is invalid.", rest)
	}
	var out []target
	for _, kind := range []string{OnDemand, Spot, capacityBlock} {
		if of[kind] > 0 {
			out = append(out, target{kind, of[kind]})
		}
	}
	return out, nil
}

// capacityBlock is the capacity type of launches into a capacity block.
const capacityBlock = "capacity-block"

// place is one way the fleet could launch: a template with an override.
type place struct {
	fleetPlace
	template *template
	data     launchData
	zone     string
	order    int // as the request lists them
}

// places finds the templates; a template that does not exist fails the whole call.
func (r *region) places(in fleetInput) ([]*place, error) {
	var out []*place
	for _, config := range in.LaunchTemplateConfigs {
		t, err := r.choose(config.LaunchTemplateSpecification)
		if err != nil {
			return nil, err
		}
		overrides := config.Overrides
		if len(overrides) == 0 {
			overrides = []override{{}}
		}
		shown := templateChoice{
			LaunchTemplateID: t.ID, LaunchTemplateName: t.name, Version: config.LaunchTemplateSpecification.Version,
		}
		for _, o := range overrides {
			p := &place{fleetPlace: fleetPlace{shown, o}, template: t, data: t.data.over(o.data()), order: len(out)}
			p.zone = r.zoneOf(p)
			out = append(out, p)
		}
	}
	return out, nil
}

func (o override) data() launchData {
	return launchData{
		BlockDeviceMapping: o.BlockDeviceMapping, IamInstanceProfile: o.IamInstanceProfile, ImageID: o.ImageID,
		InstanceType: o.InstanceType, Placement: o.Placement,
	}
}

// zoneOf is where the place is, as far as its order by price depends on it; empty when
// nothing valid says so, which its launch will find out.
func (r *region) zoneOf(p *place) string {
	if s, err := r.planSubnetOf(p.data, p.where(OnDemand)); err == nil {
		return s.zone.Name
	}
	return ""
}

func (p *place) where(capacityType string) where {
	at := where{
		subnetID: p.Overrides.SubnetID, zone: p.Overrides.AvailabilityZone, zoneID: p.Overrides.AvailabilityZoneID,
		capacityType: capacityType,
	}
	if pl := p.data.Placement; pl != nil && at.zone == "" && at.zoneID == "" {
		at.zone, at.zoneID = pl.AvailabilityZone, pl.AvailabilityZoneID
	}
	return at
}

// permitFleet asks for ec2:CreateFleet on what the request itself names and makes, and for
// tagging the fleet. What the launches need is asked for by each launch, and its
// refusal is in the list of errors, as in EC2.
func (r *region) permitFleet(c *wire.Call, places []*place, tags map[string]map[string]string) error {
	resources := map[string]wire.Resource{}
	add := func(res wire.Resource) { resources[res.ARN] = res }
	add(r.creating("fleet", tags["fleet"]))
	add(r.creating("instance", tags["instance"]))
	if len(tags["volume"]) > 0 {
		add(r.creating("volume", tags["volume"]))
	}
	for _, p := range places {
		add(r.existing("launch-template", p.template.ID, p.template.Tags))
		if s, ok := r.subnets.get(p.Overrides.SubnetID); ok {
			add(r.existing("subnet", s.ID, s.Tags))
		}
		if i, ok := r.images.get(p.Overrides.ImageID); ok {
			add(r.existing("image", i.base.ID, i.base.Tags))
		}
	}
	asked := make([]wire.Resource, 0, len(resources))
	for _, arn := range slices.Sorted(maps.Keys(resources)) {
		asked = append(asked, resources[arn])
	}
	if err := c.Authorize(asked...); err != nil {
		return err
	}
	return r.permitTags(c, "CreateFleet", "fleet", tags["fleet"])
}
