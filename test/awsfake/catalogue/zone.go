package catalogue

import (
	"fmt"
	"maps"
	"slices"
)

// Zone is an availability zone. In this account names follow the ids in order.
type Zone struct {
	Name string // as in ap-northeast-2a
	ID   string // as in apne2-az1
}

// regionOf maps the start of a zone id to its region, for all regions whose zones
// the source names. AWS documents the abbreviations.
func regionOf(prefix string) (string, bool) {
	region, ok := map[string]string{
		"apne1": "ap-northeast-1",
		"apne2": "ap-northeast-2",
		"apne3": "ap-northeast-3",
		"aps1":  "ap-south-1",
		"apse1": "ap-southeast-1",
		"apse2": "ap-southeast-2",
		"cac1":  "ca-central-1",
		"euc1":  "eu-central-1",
		"eun1":  "eu-north-1",
		"euw1":  "eu-west-1",
		"euw2":  "eu-west-2",
		"euw3":  "eu-west-3",
		"sae1":  "sa-east-1",
		"use1":  "us-east-1",
		"use2":  "us-east-2",
		"usw1":  "us-west-1",
		"usw2":  "us-west-2",
	}[prefix]
	return region, ok
}

// Regions returns the regions whose zones are known, ordered by name.
func Regions() []string {
	return slices.Sorted(maps.Keys(decoded().regions))
}

// Zones returns the zones of a region, ordered by name; none for a region whose
// zones are not known.
func Zones(region string) []Zone {
	return slices.Clone(decoded().regions[region])
}

// Offered tells whether the zone of that name, of that region, starts the type.
func Offered(region, zone, name string) bool {
	t := decoded()
	for _, z := range t.regions[region] {
		if z.Name == zone {
			return t.zones[name][z.ID]
		}
	}
	return false
}

// OfferedIn tells whether any zone of the region starts the type.
func OfferedIn(region, name string) bool {
	t := decoded()
	return slices.ContainsFunc(t.regions[region], func(z Zone) bool { return t.zones[name][z.ID] })
}

// nameZones gives the zone ids of each region their names.
func nameZones(ids map[string][]string) (map[string][]Zone, error) {
	out := make(map[string][]Zone, len(ids))
	for prefix, list := range ids {
		region, ok := regionOf(prefix)
		if !ok {
			return nil, fmt.Errorf("zone ids begin with %q, which is no known region", prefix)
		}
		slices.Sort(list)
		for i, id := range list {
			out[region] = append(out[region], Zone{Name: region + string(rune('a'+i)), ID: id})
		}
	}
	return out, nil
}
