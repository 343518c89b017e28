package ami

import (
	"cmp"
	"slices"
	"strings"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// image is what matters of an image in EC2.
type image struct {
	id, name, architecture string // as Kubernetes spells the architecture
	created                time.Time
	deprecated             bool
}

// read parses EC2's image as of now. It is false for architectures that Kubernetes lacks. A
// time that EC2 does not give, or gives in another form, counts as long ago for the
// creation and as never for the deprecation.
func read(raw ec2types.Image, now time.Time) (image, bool) {
	architecture, known := map[ec2types.ArchitectureValues]string{
		ec2types.ArchitectureValuesX8664: karpv1.ArchitectureAmd64,
		ec2types.ArchitectureValuesArm64: karpv1.ArchitectureArm64,
	}[raw.Architecture]
	if !known || raw.ImageId == nil {
		return image{}, false
	}
	created, _ := parseTime(raw.CreationDate)
	deprecation, announced := parseTime(raw.DeprecationTime)
	return image{
		id:           *raw.ImageId,
		name:         lo.FromPtr(raw.Name),
		architecture: architecture,
		created:      created,
		deprecated:   announced && !deprecation.After(now),
	}, true
}

func parseTime(text *string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, lo.FromPtr(text))
	return t, err == nil
}

// better orders images by how much they are wanted: not deprecated, newest, last by name,
// and, so that the answer never depends on EC2's order, first by id.
func better(a, b image) int {
	if a.deprecated != b.deprecated {
		if b.deprecated {
			return -1
		}
		return 1
	}
	return cmp.Or(b.created.Compare(a.created), strings.Compare(b.name, a.name), strings.Compare(a.id, b.id))
}

// selection holds for each set of requirements the best image so far.
type selection map[string]candidate

type candidate struct {
	image
	needs requirements
}

// add offers an image for each of what it is known to serve, or, when nothing is known,
// for every instance type of its architecture.
func (s selection) add(found image, serves []requirements) {
	if len(serves) == 0 {
		serves = []requirements{nil}
	}
	for _, r := range serves {
		needs := r.on(found.architecture)
		key := needs.key()
		if current, ok := s[key]; !ok || better(found, current.image) < 0 {
			s[key] = candidate{image: found, needs: needs}
		}
	}
}

// list returns the chosen images, newest first and then by id.
func (s selection) list() []v1.AMI {
	chosen := lo.Values(s)
	slices.SortFunc(chosen, func(a, b candidate) int {
		return cmp.Or(b.created.Compare(a.created), strings.Compare(a.id, b.id), strings.Compare(a.needs.key(), b.needs.key()))
	})
	return lo.Map(chosen, func(c candidate, _ int) v1.AMI {
		return v1.AMI{ID: c.id, Name: c.name, Deprecated: c.deprecated, Requirements: c.needs}
	})
}
