package ami_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/ami"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	fakeec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// clusters is a cluster that can be read, or not.
type clusters struct {
	cluster.Cluster
	err error
}

func (c *clusters) Get(context.Context) (cluster.Cluster, error) { return c.Cluster, c.err }

type world struct {
	*awsfake.Server
	provider *ami.Provider
	clock    *clocktesting.FakeClock
	cluster  *clusters
	ssm      *ssm.Client
}

func start(t *testing.T) world {
	t.Helper()
	w := world{
		Server:  awsfake.Start(t),
		clock:   clocktesting.NewFakeClock(time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)),
		cluster: &clusters{Cluster: cluster.Cluster{Mode: cluster.Kubeadm, Version: cluster.Version{Major: 1, Minor: 33}}},
	}
	w.ssm = ssm.NewFromConfig(w.Config())
	w.provider = ami.New(ami.Sources{Images: ec2.NewFromConfig(w.Config()), Parameters: w.ssm, Clusters: w.cluster}, w.clock, 0)
	return w
}

func (w world) add(g Gomega, i fakeec2.Image) string {
	i.Architecture = lo.CoalesceOrEmpty(i.Architecture, "x86_64")
	i.RootDevice, i.RootSizeGiB = "/dev/sda1", 8
	id, err := w.EC2.AddImage(w.Region(), i)
	g.Expect(err).NotTo(HaveOccurred())
	return id
}

func family(name string) *v1.EC2NodeClass {
	return &v1.EC2NodeClass{Spec: v1.EC2NodeClassSpec{AMIFamily: &name}}
}

func custom(terms ...v1.AMISelectorTerm) *v1.EC2NodeClass {
	class := family(v1.AMIFamilyCustom)
	class.Spec.AMISelectorTerms = terms
	return class
}

func ids(images []v1.AMI) []string {
	return lo.Map(images, func(a v1.AMI, _ int) string { return a.ID })
}

func archIs(arch string) []corev1.NodeSelectorRequirement {
	return []corev1.NodeSelectorRequirement{{Key: corev1.LabelArchStable, Operator: corev1.NodeSelectorOpIn, Values: []string{arch}}}
}

func TestUbuntuHasADefaultImageForEachArchitecture(t *testing.T) {
	g, w := NewWithT(t), start(t)
	got, err := w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(ConsistOf(
		And(HaveField("Name", ContainSubstring("noble-24.04-amd64")), HaveField("Requirements", ContainElements(archIs("amd64")))),
		And(HaveField("Name", ContainSubstring("noble-24.04-arm64")), HaveField("Requirements", ContainElements(archIs("arm64")))),
	))
}

// An image without drivers is for types that need none, wherever we chose it. Whether one that
// a user selects has them is not ours to say.
func TestPlainImagesAreNotForTypesThatNeedDrivers(t *testing.T) {
	without := []corev1.NodeSelectorRequirement{
		{Key: v1.LabelInstanceGPUCount, Operator: corev1.NodeSelectorOpDoesNotExist},
		{Key: v1.LabelInstanceAcceleratorCount, Operator: corev1.NodeSelectorOpDoesNotExist},
	}
	for _, name := range []string{v1.AMIFamilyUbuntu, v1.AMIFamilyDebian, v1.AMIFamilyAL2023, v1.AMIFamilyFlatcar} {
		g, w := NewWithT(t), start(t)
		got, err := w.provider.List(t.Context(), family(name))
		g.Expect(err).NotTo(HaveOccurred(), name)
		g.Expect(got).NotTo(BeEmpty(), name)
		for _, image := range got {
			g.Expect(image.Requirements).To(ContainElements(without), name)
			selected := family(name)
			selected.Spec.AMISelectorTerms = []v1.AMISelectorTerm{{ID: image.ID}}
			same, err := w.provider.List(t.Context(), selected)
			g.Expect(err).NotTo(HaveOccurred(), name)
			g.Expect(ids(same)).To(Equal([]string{image.ID}))
			g.Expect(same[0].Requirements).To(HaveLen(1), "the architecture only, where a user selects the very same image")
		}
	}
}

func TestAL2023IsAnotherImageOnEKS(t *testing.T) {
	g, w := NewWithT(t), start(t)
	got, err := w.provider.List(t.Context(), family(v1.AMIFamilyAL2023))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HaveLen(2))
	g.Expect(got).To(HaveEach(HaveField("Name", HavePrefix("al2023-ami-2023"))))

	w.cluster.Mode = cluster.EKS
	got, err = w.provider.List(t.Context(), family(v1.AMIFamilyAL2023))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HaveLen(2))
	g.Expect(got).To(HaveEach(HaveField("Name", ContainSubstring("amazon-eks-node-al2023"))))
	g.Expect(got[0].Requirements).To(ContainElement(HaveField("Key", v1.LabelInstanceGPUCount)), "it has no drivers")
}

func TestTerms(t *testing.T) {
	g, w := NewWithT(t), start(t)
	const stranger = "111122223333"
	old := w.add(g, fakeec2.Image{Name: "mine-1", Created: w.clock.Now().Add(-48 * time.Hour), Tags: map[string]string{"team": "a", "os": "x"}})
	newest := w.add(g, fakeec2.Image{Name: "mine-2", Created: w.clock.Now().Add(-24 * time.Hour), Tags: map[string]string{"team": "a", "os": "y"}})
	arm := w.add(g, fakeec2.Image{Name: "mine-3", Architecture: "arm64", Created: w.clock.Now().Add(-72 * time.Hour), Tags: map[string]string{"team": "a"}})
	foreign := w.add(g, fakeec2.Image{Name: "mine-9", Created: w.clock.Now(), Owner: stranger, Public: true})
	_, err := w.ssm.PutParameter(t.Context(), &ssm.PutParameterInput{Name: lo.ToPtr("/mine"), Value: &old, Type: ssmtypes.ParameterTypeString})
	g.Expect(err).NotTo(HaveOccurred())
	for name, tc := range map[string]struct {
		terms []v1.AMISelectorTerm
		want  []string
	}{
		"by id":                                       {[]v1.AMISelectorTerm{{ID: old}}, []string{old}},
		"by ids, of which the newest counts":          {[]v1.AMISelectorTerm{{ID: old}, {ID: newest}}, []string{newest}},
		"by tags, one for each architecture":          {[]v1.AMISelectorTerm{{Tags: map[string]string{"team": "a"}}}, []string{newest, arm}},
		"within a term all tags must match":           {[]v1.AMISelectorTerm{{Tags: map[string]string{"team": "*", "os": "x"}}}, []string{old}},
		"by name, of this account's and Amazon's":     {[]v1.AMISelectorTerm{{Name: "mine-*"}}, []string{newest, arm}},
		"by name and owner":                           {[]v1.AMISelectorTerm{{Name: "mine-*", Owner: stranger}}, []string{foreign}},
		"by SSM parameter":                            {[]v1.AMISelectorTerm{{SSMParameter: "/mine"}}, []string{old}},
		"by a parameter that exists and one that not": {[]v1.AMISelectorTerm{{SSMParameter: "/nobodys"}, {SSMParameter: "/mine"}}, []string{old}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := w.provider.List(t.Context(), custom(tc.terms...))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(ids(got)).To(Equal(tc.want))
		})
	}
}

func TestWhatIsNotFoundIsNamed(t *testing.T) {
	g, w := NewWithT(t), start(t)
	_, err := w.ssm.PutParameter(t.Context(), &ssm.PutParameterInput{Name: lo.ToPtr("/text"), Value: lo.ToPtr("hello"), Type: ssmtypes.ParameterTypeString})
	g.Expect(err).NotTo(HaveOccurred())
	for name, tc := range map[string]struct {
		class *v1.EC2NodeClass
		want  string
	}{
		"an id":              {custom(v1.AMISelectorTerm{ID: "ami-0123456789abcdef0"}), "there is no image ami-0123456789abcdef0"},
		"a name":             {custom(v1.AMISelectorTerm{Name: "x"}), `there is no image with the name "x" owned by self or amazon`},
		"tags":               {custom(v1.AMISelectorTerm{Tags: map[string]string{"b": "*", "a": "1"}, Owner: "self"}), "there is no image with the tag a=1 with the tag b owned by self"},
		"a parameter":        {custom(v1.AMISelectorTerm{SSMParameter: "/nobodys"}), "there is no SSM parameter /nobodys"},
		"a parameter's text": {custom(v1.AMISelectorTerm{SSMParameter: "/text"}), `there is no image id in the SSM parameter /text, which holds "hello"`},
		"several":            {custom(v1.AMISelectorTerm{SSMParameter: "/nobodys"}, v1.AMISelectorTerm{Name: "x"}), `there is no SSM parameter /nobodys, and no image with the name "x" owned by self or amazon`},
		"an alias":           {custom(v1.AMISelectorTerm{Alias: "debian@11"}), "there is no SSM parameter /aws/service/debian/release/11/latest/amd64, and no SSM parameter /aws/service/debian/release/11/latest/arm64"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := w.provider.List(t.Context(), tc.class)
			var none *ami.NotFoundError
			g.Expect(errors.As(err, &none)).To(BeTrue())
			g.Expect(err).To(MatchError(tc.want))
		})
	}
}

func TestAnswersAreKeptForAWhile(t *testing.T) {
	g, w := NewWithT(t), start(t)
	class := custom(v1.AMISelectorTerm{Tags: map[string]string{"team": "a"}})
	first := w.add(g, fakeec2.Image{Name: "1", Created: w.clock.Now().Add(-time.Hour), Tags: map[string]string{"team": "a"}})
	ask := func() []string {
		got, err := w.provider.List(t.Context(), class)
		g.Expect(err).NotTo(HaveOccurred())
		return ids(got)
	}
	g.Expect(ask()).To(Equal([]string{first}))
	second := w.add(g, fakeec2.Image{Name: "2", Created: w.clock.Now(), Tags: map[string]string{"team": "a"}})
	g.Expect(ask()).To(Equal([]string{first}), "the answer is still young")
	w.clock.Step(cache.Images)
	g.Expect(ask()).To(Equal([]string{second}))
	g.Expect(w.Calls("DescribeImages")).To(Equal(2))
}

const noble = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"

func TestAVendorsParameterIsReadOnceADay(t *testing.T) {
	g, w := NewWithT(t), start(t)
	ask := func() []string {
		got, err := w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu))
		g.Expect(err).NotTo(HaveOccurred())
		return ids(got)
	}
	before := ask()
	g.Expect(w.Calls("GetParameter")).To(Equal(2))
	published := w.add(g, fakeec2.Image{Name: "newer", Created: w.clock.Now(), Public: true, Owner: "099720109477", Parameters: []string{noble}})
	w.clock.Step(cache.Images)
	g.Expect(ask()).To(Equal(before), "nodes must not drift at any hour")
	g.Expect(w.Calls("GetParameter")).To(Equal(2))
	w.clock.Step(cache.PublicParameter)
	g.Expect(ask()).To(ContainElement(published))
}

func TestAVendorsParameterIsReadAgainWhenItsImageIsGone(t *testing.T) {
	g, w := NewWithT(t), start(t)
	got, err := w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu))
	g.Expect(err).NotTo(HaveOccurred())
	gone, _ := lo.Find(got, func(a v1.AMI) bool { return a.Requirements[0].Values[0] == "amd64" })
	g.Expect(w.EC2.DeregisterImage(w.Region(), gone.ID)).To(Succeed())
	published := w.add(g, fakeec2.Image{Name: "newer", Created: w.clock.Now(), Public: true, Owner: "099720109477", Parameters: []string{noble}})
	w.clock.Step(cache.Images)
	_, err = w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu)) // notices
	g.Expect(err).NotTo(HaveOccurred())
	w.clock.Step(cache.Images)
	got, err = w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ids(got)).To(ContainElement(published))
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		action, code, want string
	}{
		"images":     {"DescribeImages", "UnauthorizedOperation", "AWS denies ec2:DescribeImages (UnauthorizedOperation); allow it in the controller's IAM policy"},
		"parameters": {"GetParameter", "AccessDeniedException", "AWS denies ssm:GetParameter (AccessDeniedException); allow it in the controller's IAM policy"},
	} {
		t.Run(name, func(t *testing.T) {
			g, w := NewWithT(t), start(t)
			w.Inject(wire.Fault{Action: tc.action, Answer: &wire.Error{Code: tc.code, Message: "no", Status: 403}})
			_, err := w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu))
			var call *aws.CallError
			g.Expect(errors.As(err, &call)).To(BeTrue())
			g.Expect(call.Advice()).To(Equal(tc.want))
			_, err = w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu))
			g.Expect(err).NotTo(HaveOccurred(), "an error is not kept")
		})
	}
}

func TestAnAliasNeedsTheClustersVersion(t *testing.T) {
	g, w := NewWithT(t), start(t)
	w.cluster.err = errors.New("no cluster-info")
	_, err := w.provider.List(t.Context(), family(v1.AMIFamilyUbuntu))
	g.Expect(err).To(MatchError(ContainSubstring("reading the cluster's version: no cluster-info")))
	id := w.add(g, fakeec2.Image{Name: "mine", Created: w.clock.Now()})
	_, err = w.provider.List(t.Context(), custom(v1.AMISelectorTerm{ID: id}))
	g.Expect(err).NotTo(HaveOccurred(), "an id does not")
}

func TestAClassThatSelectsNothing(t *testing.T) {
	g, w := NewWithT(t), start(t)
	_, err := w.provider.List(t.Context(), custom())
	g.Expect(err).To(MatchError("neither amiSelectorTerms nor a default image"), "the schema refuses it, but an older schema may not have")
}

func TestADeprecatedImageGoesOnWorkingWhereItIsPinned(t *testing.T) {
	g, w := NewWithT(t), start(t)
	id := w.add(g, fakeec2.Image{Name: "old", Owner: "111122223333", Public: true, Created: w.clock.Now().Add(-time.Hour), Deprecated: w.clock.Now().Add(-time.Minute)})
	got, err := w.provider.List(t.Context(), custom(v1.AMISelectorTerm{ID: id}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(HaveExactElements(And(HaveField("ID", id), HaveField("Deprecated", true))))
}

func TestAUsersParameterIsReadAgainSoon(t *testing.T) {
	g, w := NewWithT(t), start(t)
	set := func(id string) {
		_, err := w.ssm.PutParameter(t.Context(), &ssm.PutParameterInput{Name: lo.ToPtr("/mine"), Value: &id, Type: ssmtypes.ParameterTypeString, Overwrite: lo.ToPtr(true)})
		g.Expect(err).NotTo(HaveOccurred())
	}
	ask := func() []string {
		got, err := w.provider.List(t.Context(), custom(v1.AMISelectorTerm{SSMParameter: "/mine"}))
		g.Expect(err).NotTo(HaveOccurred())
		return ids(got)
	}
	first, second := w.add(g, fakeec2.Image{Name: "1"}), w.add(g, fakeec2.Image{Name: "2"})
	set(first)
	g.Expect(ask()).To(Equal([]string{first}))
	set(second)
	w.clock.Step(cache.CustomParameter)
	g.Expect(ask()).To(Equal([]string{second}))
}
