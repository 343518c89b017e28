package ec2

import (
	"container/heap"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// region is all that EC2 knows in one region. World.mu guards it.
type region struct {
	w     *World
	name  string
	zones []catalogue.Zone

	vpcs         *table[*vpc]
	subnets      *table[*subnet]
	groups       *table[*securityGroup]
	images       *table[*image]
	templates    *table[*template]
	instances    *table[*instance]
	volumes      *table[*volume]
	interfaces   *table[*networkInterface]
	fleets       *table[*fleet]
	placements   *table[*placementGroup]
	reservations *table[*reservation]

	templateNames map[string]*template
	pools         map[Pool]*poolState
	limits        map[string]int // of vCPUs, by capacity type; absent is no limit
	used          map[string]int // vCPUs in use, by capacity type
	spotPrices    map[Pool]float64
	tokens        map[tokenKey]answered
	parameters    map[string]string // public SSM parameters: the image that each names
	due           events
	changes       uint64 // of instances, see Changes
}

func newRegion(w *World, name string, zones []catalogue.Zone) *region {
	return &region{
		w: w, name: name, zones: zones,
		vpcs: newTable[*vpc](), subnets: newTable[*subnet](), groups: newTable[*securityGroup](),
		images: newTable[*image](), templates: newTable[*template](), instances: newTable[*instance](),
		volumes: newTable[*volume](), interfaces: newTable[*networkInterface](), fleets: newTable[*fleet](),
		placements: newTable[*placementGroup](), reservations: newTable[*reservation](),
		templateNames: map[string]*template{}, pools: map[Pool]*poolState{},
		limits: map[string]int{}, used: map[string]int{}, spotPrices: map[Pool]float64{},
		tokens: map[tokenKey]answered{}, parameters: map[string]string{},
	}
}

func (r *region) now() time.Time { return r.w.env.Clock.Now() }

func (r *region) id(prefix string) string { return r.w.env.ID(prefix) }

// stamp is a time as EC2 writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// event is something that happens by itself at a time.
type event struct {
	at    time.Time
	order int
	do    func(at time.Time)
}

// events are those to come, soonest first, then in the order they were planned.
type events struct {
	queue []event
	next  int
}

func (e *events) Len() int { return len(e.queue) }
func (e *events) Less(i, j int) bool {
	a, b := e.queue[i], e.queue[j]
	if a.at.Equal(b.at) {
		return a.order < b.order
	}
	return a.at.Before(b.at)
}
func (e *events) Swap(i, j int) { e.queue[i], e.queue[j] = e.queue[j], e.queue[i] }

// Push is for container/heap.
func (e *events) Push(x any) {
	if ev, ok := x.(event); ok {
		e.queue = append(e.queue, ev)
	}
}

// Pop is for container/heap.
func (e *events) Pop() any {
	last := e.queue[len(e.queue)-1]
	e.queue = e.queue[:len(e.queue)-1]
	return last
}

// at plans do. What is due already still waits for the next call, as in life nothing is
// done by the time a call returns.
func (r *region) at(when time.Time, do func(at time.Time)) {
	r.due.next++
	heap.Push(&r.due, event{at: when, order: r.due.next, do: do})
}

// advance lets everything happen that is due by now, in order.
func (r *region) advance(now time.Time) {
	for len(r.due.queue) > 0 && !r.due.queue[0].at.After(now) {
		if next, ok := heap.Pop(&r.due).(event); ok {
			next.do(next.at)
		}
	}
}

// zone finds a zone by its name.
func (r *region) zone(name string) (catalogue.Zone, bool) {
	for _, z := range r.zones {
		if z.Name == name {
			return z, true
		}
	}
	return catalogue.Zone{}, false
}

func (r *region) zoneByID(id string) (catalogue.Zone, bool) {
	for _, z := range r.zones {
		if z.ID == id {
			return z, true
		}
	}
	return catalogue.Zone{}, false
}

type zoneItem struct {
	ZoneName           string `xml:"zoneName"`
	ZoneID             string `xml:"zoneId"`
	ZoneState          string `xml:"zoneState"`
	ZoneType           string `xml:"zoneType"`
	RegionName         string `xml:"regionName"`
	GroupName          string `xml:"groupName"`
	NetworkBorderGroup string `xml:"networkBorderGroup"`
	OptInStatus        string `xml:"optInStatus"`
}

type describeZonesInput struct {
	AllAvailabilityZones bool
	DryRun               bool
	Filter               []filter
	ZoneID               []string `param:"ZoneId"`
	ZoneName             []string
}

type describeZonesOutput struct {
	Items []zoneItem `xml:"availabilityZoneInfo>item"`
}

func (r *region) describeZones(c *wire.Call, in describeZonesInput) (*describeZonesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	wanted, err := compile(in.Filter, fields[catalogue.Zone]{
		"zone-name": func(z catalogue.Zone) []string { return []string{z.Name} },
		"zone-id":   func(z catalogue.Zone) []string { return []string{z.ID} },
		"zone-type": func(catalogue.Zone) []string { return []string{"availability-zone"} },
		"state":     func(catalogue.Zone) []string { return []string{"available"} },
		"region-name": func(catalogue.Zone) []string {
			return []string{r.name}
		},
		"opt-in-status": func(catalogue.Zone) []string { return []string{"opt-in-not-required"} },
	}, nil)
	if err != nil {
		return nil, err
	}
	picked, err := r.pickZones(in.ZoneName, in.ZoneID)
	if err != nil {
		return nil, err
	}
	out := &describeZonesOutput{}
	for _, z := range picked {
		if wanted.match(z) {
			out.Items = append(out.Items, zoneItem{
				ZoneName: z.Name, ZoneID: z.ID, ZoneState: "available", ZoneType: "availability-zone", RegionName: r.name,
				GroupName: r.name + "-zg-1", NetworkBorderGroup: r.name, OptInStatus: "opt-in-not-required",
			})
		}
	}
	return out, nil
}

func (r *region) pickZones(names, ids []string) ([]catalogue.Zone, error) {
	if len(names)+len(ids) == 0 {
		return r.zones, nil
	}
	var out []catalogue.Zone
	for _, name := range names {
		z, ok := r.zone(name)
		if !ok {
			return nil, wire.Errorf("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
		out = append(out, z)
	}
	for _, id := range ids {
		z, ok := r.zoneByID(id)
		if !ok {
			return nil, wire.Errorf("InvalidParameterValue", "Invalid availability zone-id: [%s]", id)
		}
		out = append(out, z)
	}
	return out, nil
}
