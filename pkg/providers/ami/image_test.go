package ami

import (
	"slices"
	"testing"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

func day(n int) time.Time { return time.Date(2025, 1, n, 0, 0, 0, 0, time.UTC) }

func TestRead(t *testing.T) {
	for name, tc := range map[string]struct {
		raw  ec2types.Image
		want image
		ok   bool
	}{
		"what EC2 says": {
			ec2types.Image{ImageId: lo.ToPtr("ami-1"), Name: lo.ToPtr("x"), Architecture: "arm64", CreationDate: lo.ToPtr("2025-01-01T00:00:00.000Z")},
			image{id: "ami-1", name: "x", architecture: "arm64", created: day(1)}, true,
		},
		"a deprecation that has come": {
			ec2types.Image{ImageId: lo.ToPtr("ami-1"), Architecture: "x86_64", DeprecationTime: lo.ToPtr("2025-01-10T00:00:00.000Z")},
			image{id: "ami-1", architecture: "amd64", deprecated: true}, true,
		},
		"a deprecation to come": {
			ec2types.Image{ImageId: lo.ToPtr("ami-1"), Architecture: "x86_64", DeprecationTime: lo.ToPtr("2025-01-11T00:00:00.000Z")},
			image{id: "ami-1", architecture: "amd64"}, true,
		},
		"times that are none": {
			ec2types.Image{ImageId: lo.ToPtr("ami-1"), Architecture: "x86_64", CreationDate: lo.ToPtr("yesterday"), DeprecationTime: lo.ToPtr("")},
			image{id: "ami-1", architecture: "amd64"}, true,
		},
		"a Mac is no node":    {raw: ec2types.Image{ImageId: lo.ToPtr("ami-1"), Architecture: "arm64_mac"}},
		"an image without id": {raw: ec2types.Image{Architecture: "x86_64"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, ok := read(tc.raw, day(10))
			g.Expect(ok).To(Equal(tc.ok))
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestTheBestImageDoesNotDependOnTheOrder(t *testing.T) {
	images := []image{
		{id: "ami-best", name: "b", architecture: "amd64", created: day(3)},
		{id: "ami-deprecated", name: "z", architecture: "amd64", created: day(9), deprecated: true},
		{id: "ami-old", name: "z", architecture: "amd64", created: day(2)},
		{id: "ami-name", name: "a", architecture: "amd64", created: day(3)},
		{id: "ami-zz-same", name: "b", architecture: "amd64", created: day(3)},
	}
	for range images {
		images = append(images[1:], images[0])
		for _, order := range [][]image{images, reversed(images)} {
			s := selection{}
			for _, i := range order {
				s.add(i, nil)
			}
			NewWithT(t).Expect(s.list()).To(HaveExactElements(HaveField("ID", "ami-best")))
		}
	}
}

func reversed(images []image) []image {
	out := slices.Clone(images)
	slices.Reverse(out)
	return out
}

func TestADeprecatedImageIsBetterThanNone(t *testing.T) {
	g, s := NewWithT(t), selection{}
	s.add(image{id: "ami-1", architecture: "amd64", deprecated: true, created: day(1)}, nil)
	s.add(image{id: "ami-2", architecture: "amd64", deprecated: true, created: day(2)}, nil)
	g.Expect(s.list()).To(HaveExactElements(And(HaveField("ID", "ami-2"), HaveField("Deprecated", true))))
}

func TestEachSetOfRequirementsHasItsImage(t *testing.T) {
	g, s := NewWithT(t), selection{}
	s.add(image{id: "ami-plain", architecture: "amd64", created: day(1)}, []requirements{plain(), neuron()})
	s.add(image{id: "ami-gpu", architecture: "amd64", created: day(2)}, []requirements{nvidia()})
	s.add(image{id: "ami-arm", architecture: "arm64", created: day(3)}, []requirements{plain()})
	got := s.list()
	g.Expect(lo.Map(got, func(a v1.AMI, _ int) string { return a.ID })).To(Equal([]string{"ami-arm", "ami-gpu", "ami-plain", "ami-plain"}))
}
