package ec2

import (
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Reservation is capacity that is kept for the account.
type Reservation struct {
	ID            string // made when empty
	Type          string // instance type
	Zone          string
	Total         int
	MatchCriteria string // "open" or "targeted"; "targeted" when empty
	Kind          string // "default" or "capacity-block"; "default" when empty
	End           time.Time
	Tags          map[string]string
}

type reservation struct {
	base
	Reservation
	used    int
	started time.Time
}

func (r *reservation) active(now time.Time) bool { return r.End.IsZero() || now.Before(r.End) }

func (r *reservation) free(now time.Time) int {
	if !r.active(now) {
		return 0
	}
	return max(0, r.Total-r.used)
}

// AddReservation makes a capacity reservation and returns its id.
func (w *World) AddReservation(regionName string, res Reservation) (string, error) {
	return with(w, regionName, func(r *region) (string, error) {
		if _, ok := r.zone(res.Zone); !ok {
			return "", wire.Errorf("InvalidParameterValue", "%s is no zone of %s", res.Zone, r.name)
		}
		if _, ok := catalogue.Lookup(res.Type); !ok {
			return "", wire.Errorf("InvalidParameterValue", "%s is no instance type", res.Type)
		}
		if res.ID == "" {
			res.ID = r.id("cr")
		}
		res.MatchCriteria = orElse(res.MatchCriteria, "targeted")
		res.Kind = orElse(res.Kind, "default")
		r.reservations.add(&reservation{base: base{ID: res.ID, Tags: res.Tags}, Reservation: res, started: r.now()})
		return res.ID, nil
	})
}

// ResizeReservation changes how many instances a reservation is for.
func (w *World) ResizeReservation(regionName, id string, total int) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		res, ok := r.reservations.get(id)
		if !ok {
			return struct{}{}, notFound("cr", id)
		}
		res.Total = total
		return struct{}{}, nil
	})
	return err
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

type reservationItem struct {
	ID            string    `xml:"capacityReservationId"`
	Arn           string    `xml:"capacityReservationArn"`
	OwnerID       string    `xml:"ownerId"`
	InstanceType  string    `xml:"instanceType"`
	Platform      string    `xml:"instancePlatform"`
	Zone          string    `xml:"availabilityZone"`
	ZoneID        string    `xml:"availabilityZoneId"`
	Tenancy       string    `xml:"tenancy"`
	Total         int       `xml:"totalInstanceCount"`
	Available     int       `xml:"availableInstanceCount"`
	State         string    `xml:"state"`
	StartDate     string    `xml:"startDate"`
	CreateDate    string    `xml:"createDate"`
	EndDate       string    `xml:"endDate,omitempty"`
	EndDateType   string    `xml:"endDateType"`
	MatchCriteria string    `xml:"instanceMatchCriteria"`
	Kind          string    `xml:"reservationType"`
	Tags          []tagItem `xml:"tagSet>item"`
}

func (r *region) reservationItem(res *reservation) reservationItem {
	zone, _ := r.zone(res.Zone)
	out := reservationItem{
		ID: res.base.ID, Arn: r.arn("capacity-reservation", res.base.ID), OwnerID: r.w.env.Account, InstanceType: res.Type,
		Platform: linux, Zone: res.Zone, ZoneID: zone.ID, Tenancy: "default", Total: res.Total, Available: res.free(r.now()),
		State: "active", StartDate: stamp(res.started), CreateDate: stamp(res.started), EndDateType: "unlimited",
		MatchCriteria: res.MatchCriteria, Kind: res.Kind, Tags: sortedTags(res.base.Tags),
	}
	if !res.End.IsZero() {
		out.EndDate, out.EndDateType = stamp(res.End), "limited"
	}
	if !res.active(r.now()) {
		out.State = "expired"
	}
	return out
}

type describeReservationsInput struct {
	listInput
	CapacityReservationID []string `param:"CapacityReservationId"`
}

type describeReservationsOutput struct {
	Items     []reservationItem `xml:"capacityReservationSet>item"`
	NextToken string            `xml:"nextToken,omitempty"`
}

func (r *region) describeReservations(c *wire.Call, in describeReservationsInput) (*describeReservationsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	one := func(get func(*reservation) string) func(*reservation) []string {
		return func(res *reservation) []string { return []string{get(res)} }
	}
	items, next, err := list(r.reservations, in.listInput, in.CapacityReservationID, "cr", fields[*reservation]{
		"instance-type":           one(func(res *reservation) string { return res.Type }),
		"availability-zone":       one(func(res *reservation) string { return res.Zone }),
		"instance-match-criteria": one(func(res *reservation) string { return res.MatchCriteria }),
		"owner-id":                one(func(*reservation) string { return r.w.env.Account }),
		"state":                   one(func(res *reservation) string { return r.reservationItem(res).State }),
		"tenancy":                 one(func(*reservation) string { return "default" }),
	})
	if err != nil {
		return nil, err
	}
	return &describeReservationsOutput{Items: each(items, r.reservationItem), NextToken: next}, nil
}

// PlacementGroup says how instances are to lie to one another.
type PlacementGroup struct {
	Name       string
	Strategy   string // "cluster", "spread" or "partition"
	Partitions int    // of the strategy "partition"
	Tags       map[string]string
}

type placementGroup struct {
	base
	PlacementGroup
	members map[string]int // by zone
}

// AddPlacementGroup makes a placement group and returns its id.
func (w *World) AddPlacementGroup(regionName string, g PlacementGroup) (string, error) {
	return with(w, regionName, func(r *region) (string, error) {
		made := r.placements.add(&placementGroup{
			base: base{ID: r.id("pg"), Tags: g.Tags}, PlacementGroup: g, members: map[string]int{},
		})
		return made.ID, nil
	})
}

type placementItem struct {
	ID         string    `xml:"groupId"`
	Arn        string    `xml:"groupArn"`
	Name       string    `xml:"groupName"`
	State      string    `xml:"state"`
	Strategy   string    `xml:"strategy"`
	Partitions int       `xml:"partitionCount,omitempty"`
	Tags       []tagItem `xml:"tagSet>item"`
}

type describePlacementsInput struct {
	DryRun    bool
	Filter    []filter
	GroupID   []string `param:"GroupId"`
	GroupName []string
}

type describePlacementsOutput struct {
	Items []placementItem `xml:"placementGroupSet>item"`
}

func (r *region) describePlacements(c *wire.Call, in describePlacementsInput) (*describePlacementsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	if len(in.GroupName) > 0 {
		in.Filter = append(in.Filter, filter{Name: "group-name", Value: in.GroupName})
	}
	one := func(get func(*placementGroup) string) func(*placementGroup) []string {
		return func(g *placementGroup) []string { return []string{get(g)} }
	}
	items, _, err := list(r.placements, listInput{Filter: in.Filter}, in.GroupID, "pg", fields[*placementGroup]{
		"group-name": one(func(g *placementGroup) string { return g.Name }),
		"group-arn":  one(func(g *placementGroup) string { return r.arn("placement-group", g.Name) }),
		"state":      one(func(*placementGroup) string { return "available" }),
		"strategy":   one(func(g *placementGroup) string { return g.Strategy }),
	})
	if err != nil {
		return nil, err
	}
	if len(in.GroupName) > len(items) {
		return nil, wire.Errorf("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", in.GroupName[0])
	}
	return &describePlacementsOutput{each(items, func(g *placementGroup) placementItem {
		return placementItem{
			ID: g.ID, Arn: r.arn("placement-group", g.Name), Name: g.Name, State: "available", Strategy: g.Strategy,
			Partitions: g.Partitions, Tags: sortedTags(g.base.Tags),
		}
	})}, nil
}
