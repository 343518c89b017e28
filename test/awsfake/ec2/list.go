package ec2

import (
	"regexp"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// idForm is what follows the prefix in an id: 8 digits of old, 17 today.
var idForm = regexp.MustCompile(`^[0-9a-f]{8}([0-9a-f]{9})?$`)

// list answers a Describe call: the resources of ids (all when there are none) that the
// filters match, one page of them, by EC2's usual limits.
func list[T resource](t *table[T], in listInput, ids []string, prefix string, known fields[T]) ([]T, string, error) {
	wanted, err := compile(in.Filter, known, tagsOf[T])
	if err != nil {
		return nil, "", err
	}
	if len(ids) > 0 && in.MaxResults != nil {
		return nil, "", wire.Errorf("InvalidParameterCombination",
			"The parameter MaxResults cannot be used together with ids in the same call")
	}
	items, err := t.some(ids, in.Filter, prefix)
	if err != nil {
		return nil, "", err
	}
	var matched []T
	for _, item := range items {
		if wanted.match(item) {
			matched = append(matched, item)
		}
	}
	return page(matched, created[T], in, paged{least: 5, most: 1000})
}

// some returns the resources of ids, or all that filters could match when there are none.
func (t *table[T]) some(ids []string, filters []filter, prefix string) ([]T, error) {
	if len(ids) == 0 {
		return t.candidates(filters), nil
	}
	var out []T
	for _, id := range ids {
		if err := wellFormed(prefix, id); err != nil {
			return nil, err
		}
		item, ok := t.get(id)
		if !ok {
			return nil, notFound(prefix, id)
		}
		out = append(out, item)
	}
	return out, nil
}

// wellFormed refuses what cannot be an id of that prefix.
func wellFormed(prefix, id string) error {
	if len(id) > len(prefix)+1 && id[:len(prefix)+1] == prefix+"-" && idForm.MatchString(id[len(prefix)+1:]) {
		return nil
	}
	code, ok := map[string]string{
		"i": "InvalidInstanceID.Malformed", "vpc": "InvalidVpcID.Malformed", "subnet": "InvalidSubnetID.Malformed",
		"sg": "InvalidGroupId.Malformed", "ami": "InvalidAMIID.Malformed", "lt": "InvalidLaunchTemplateId.Malformed",
		"vol": "InvalidVolumeID.Malformed", "eni": "InvalidNetworkInterfaceId.Malformed",
		"cr": "InvalidCapacityReservationId.Malformed", "pg": "InvalidPlacementGroupId.Malformed",
	}[prefix]
	if !ok {
		code = "InvalidID"
	}
	return wire.Errorf(code, "Invalid id: %q (expecting %q)", id, prefix+"-...")
}

func each[In, Out any](items []In, f func(In) Out) []Out {
	out := make([]Out, 0, len(items))
	for _, item := range items {
		out = append(out, f(item))
	}
	return out
}
