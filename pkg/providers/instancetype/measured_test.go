package instancetype

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

const gibi = 1024 * mebi

func TestLearn(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	seen := func(image string, bytes int64) Measurement {
		return Measurement{Type: "t3.large", Image: image, Bytes: bytes, Seen: noon}
	}
	estimate := int64(8*gibi - 615*mebi) // 7.5 %
	for name, tc := range map[string]struct {
		seen    []Measurement
		images  []string
		want    int64
		changed bool
	}{
		"nothing was seen":                          {nil, []string{"ami-1"}, estimate, false},
		"a node had more than was reckoned with":    {[]Measurement{seen("ami-1", 7900*mebi)}, []string{"ami-1"}, 7900 * mebi, true},
		"a node had less":                           {[]Measurement{seen("ami-1", 7000*mebi)}, []string{"ami-1"}, 7000 * mebi, true},
		"the least of two nodes":                    {[]Measurement{seen("ami-1", 7800*mebi), seen("ami-1", 7900*mebi)}, []string{"ami-1"}, 7800 * mebi, true},
		"the least of the images of the class":      {[]Measurement{seen("ami-1", 7800*mebi), seen("ami-2", 7700*mebi)}, []string{"ami-1", "ami-2"}, 7700 * mebi, true},
		"an image that the class does not have":     {[]Measurement{seen("ami-2", 7900*mebi)}, []string{"ami-1"}, estimate, true},
		"another type":                              {[]Measurement{{Type: "t3.small", Image: "ami-1", Bytes: 1900 * mebi, Seen: noon}}, []string{"ami-1"}, estimate, true},
		"more than EC2 says there is":               {[]Measurement{seen("ami-1", 9*gibi)}, []string{"ami-1"}, estimate, false},
		"memory that was taken away on purpose":     {[]Measurement{seen("ami-1", 3*gibi)}, []string{"ami-1"}, estimate, false},
		"a node that has not said its memory":       {[]Measurement{seen("ami-1", 0)}, []string{"ami-1"}, estimate, false},
		"a node of an instance whose image is lost": {[]Measurement{seen("", 7*gibi)}, []string{""}, estimate, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			p := New(nil, Config{MemoryOverheadPercent: 0.075})
			large := Type{Name: "t3.large", MemoryMiB: 8192}
			p.current.Store(&known{version: 1, types: []Type{large}})
			class := &v1.EC2NodeClass{}
			for _, id := range tc.images {
				class.Status.AMIs = append(class.Status.AMIs, v1.AMI{ID: id})
			}
			before := p.Version()
			g.Expect(p.Learn(tc.seen...)).To(Equal(tc.changed))
			got := p.memory(large, class)
			g.Expect(got.Value()).To(Equal(tc.want))
			g.Expect(p.Version() != before).To(Equal(tc.changed), "snapshots are rebuilt exactly when they would differ")
			g.Expect(p.Learn(tc.seen...)).To(BeFalse(), "the same again is nothing new")
		})
	}
}

func TestMeasurementsOfImagesOutOfUseAreForgotten(t *testing.T) {
	g := NewWithT(t)
	p := New(nil, Config{})
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	old := Measurement{Type: "t3.large", Image: "ami-1", Bytes: 7 * gibi, Seen: noon}
	fresh := Measurement{Type: "t3.large", Image: "ami-2", Bytes: 7 * gibi, Seen: noon.Add(time.Hour)}
	g.Expect(p.Learn(fresh, old)).To(BeTrue())
	g.Expect(p.Measurements(noon)).To(Equal([]Measurement{old, fresh}))
	g.Expect(p.Measurements(noon.Add(cache.DiscoveredMemory))).To(Equal([]Measurement{fresh}))

	old.Seen = noon.Add(2 * time.Hour)
	g.Expect(p.Learn(old)).To(BeFalse())
	g.Expect(p.Measurements(noon.Add(cache.DiscoveredMemory))).To(Equal([]Measurement{old, fresh}), "it was seen again")
}
