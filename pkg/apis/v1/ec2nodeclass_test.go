package v1_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/awslabs/operatorpkg/status"
	"github.com/mitchellh/hashstructure/v2"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// ubuntu is a small valid class.
func ubuntu() *v1.EC2NodeClass {
	return &v1.EC2NodeClass{
		ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "0b0d6b5a-0000-4000-8000-000000000001"},
		Spec:       v1.EC2NodeClassSpec{AMIFamily: lo.ToPtr(v1.AMIFamilyUbuntu), Role: "node"},
	}
}

// kubelet parses a JSON object; a test that passes anything else panics.
func kubelet(document string) v1.KubeletConfiguration {
	fields := v1.KubeletConfiguration{}
	lo.Must0(json.Unmarshal([]byte(document), &fields))
	return fields
}

func TestFamilyAndAlias(t *testing.T) {
	for name, tc := range map[string]struct {
		family *string
		terms  []v1.AMISelectorTerm
		want   string
		alias  *v1.Alias
	}{
		"the family is named":                  {family: lo.ToPtr("Debian"), want: "Debian"},
		"the alias names it":                   {terms: []v1.AMISelectorTerm{{Alias: "al2023@v20250101"}}, want: "AL2023", alias: &v1.Alias{Family: "AL2023", Version: "v20250101"}},
		"Custom boots another family's image":  {family: lo.ToPtr("Custom"), terms: []v1.AMISelectorTerm{{Alias: "ubuntu@24.04"}}, want: "Custom", alias: &v1.Alias{Family: "Ubuntu", Version: "24.04"}},
		"nothing is known":                     {want: "Custom"},
		"no version makes no alias":            {terms: []v1.AMISelectorTerm{{Alias: "ubuntu"}}, want: "Custom"},
		"an empty version makes no alias":      {terms: []v1.AMISelectorTerm{{Alias: "ubuntu@"}}, want: "Custom"},
		"an unknown family makes no alias":     {terms: []v1.AMISelectorTerm{{Alias: "gentoo@latest"}}, want: "Custom"},
		"Custom is no alias":                   {terms: []v1.AMISelectorTerm{{Alias: "custom@latest"}}, want: "Custom"},
		"the alias may follow on other terms":  {terms: []v1.AMISelectorTerm{{ID: "ami-1"}, {Alias: "flatcar@stable"}}, want: "Flatcar", alias: &v1.Alias{Family: "Flatcar", Version: "stable"}},
		"a version may hold what splits names": {terms: []v1.AMISelectorTerm{{Alias: "ubuntu@a@b"}}, want: "Ubuntu", alias: &v1.Alias{Family: "Ubuntu", Version: "a@b"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			class := &v1.EC2NodeClass{Spec: v1.EC2NodeClassSpec{AMIFamily: tc.family, AMISelectorTerms: tc.terms}}
			g.Expect(class.AMIFamily()).To(Equal(tc.want))
			g.Expect(class.Alias()).To(Equal(tc.alias))
		})
	}
}

func TestAliasPrintsAsItIsWritten(t *testing.T) {
	NewWithT(t).Expect(v1.Alias{Family: "AL2023", Version: "latest"}.String()).To(Equal("al2023@latest"))
}

func TestInstanceProfileName(t *testing.T) {
	g := NewWithT(t)
	name := ubuntu().InstanceProfileName("prod", "eu-west-1")
	g.Expect(name).To(MatchRegexp(`^prod_[0-9]{1,20}$`))
	g.Expect(ubuntu().InstanceProfileName("prod", "eu-west-1")).To(Equal(name), "a profile that was not recorded must be found again")

	for why, change := range map[string]func(*v1.EC2NodeClass){
		"another role needs another profile while old nodes use theirs": func(c *v1.EC2NodeClass) { c.Spec.Role = "other" },
		"a class made anew is another":                                  func(c *v1.EC2NodeClass) { c.UID = "other" },
		"classes do not share":                                          func(c *v1.EC2NodeClass) { c.Name = "other" },
	} {
		class := ubuntu()
		change(class)
		g.Expect(class.InstanceProfileName("prod", "eu-west-1")).NotTo(Equal(name), why)
	}
	g.Expect(ubuntu().InstanceProfileName("prod", "us-east-1")).NotTo(Equal(name), "IAM is one for all regions")
}

func TestLegacyInstanceProfileNameIsTheAWSProviders(t *testing.T) {
	g := NewWithT(t)
	number, err := hashstructure.Hash("eu-west-1default", hashstructure.FormatV2, nil) // as versions before 1.7 computed it
	g.Expect(err).NotTo(HaveOccurred())
	name, found := strings.CutPrefix(ubuntu().LegacyInstanceProfileName("prod", "eu-west-1"), "prod_")
	g.Expect(found).To(BeTrue())
	g.Expect(name).To(Equal(json.Number(lo.Must(json.Marshal(number))).String()))
}

func TestInstanceProfileBelongsToItsClass(t *testing.T) {
	g, class := NewWithT(t), ubuntu()
	class.Spec.Tags = map[string]string{"team": "a"}
	g.Expect(class.InstanceProfilePath("prod", "eu-west-1")).To(Equal("/karpenter/eu-west-1/prod/0b0d6b5a-0000-4000-8000-000000000001/"))
	g.Expect(class.InstanceProfileTags("prod", "eu-west-1")).To(Equal(map[string]string{
		"team":                           "a",
		"kubernetes.io/cluster/prod":     "owned",
		"eks:eks-cluster-name":           "prod",
		"karpenter.k8s.aws/ec2nodeclass": "default",
		"topology.kubernetes.io/region":  "eu-west-1",
	}))
	g.Expect(class.Spec.Tags).To(Equal(map[string]string{"team": "a"}), "the spec is not ours to change")
}

func TestReadyNeedsEveryCondition(t *testing.T) {
	g, class := NewWithT(t), ubuntu()
	conditions := []string{
		v1.ConditionTypeAMIsReady, v1.ConditionTypeSubnetsReady, v1.ConditionTypeSecurityGroupsReady,
		v1.ConditionTypeInstanceProfileReady, v1.ConditionTypeValidationSucceeded, v1.ConditionTypePlacementGroupReady,
	}
	for _, condition := range conditions {
		g.Expect(class.StatusConditions().Root().IsTrue()).To(BeFalse(), "before "+condition)
		class.StatusConditions().SetTrue(condition)
	}
	g.Expect(class.StatusConditions().Root().IsTrue()).To(BeTrue())

	class.Status.Conditions = append(class.Status.Conditions, status.Condition{
		Type: v1.ConditionTypeCapacityReservationsReady, Status: metav1.ConditionFalse,
	})
	class.StatusConditions().SetFalse(v1.ConditionTypeCapacityReservationsReady, "NotFound", "none")
	g.Expect(class.StatusConditions().Root().IsTrue()).To(BeFalse(), "where reservations are judged, they count")
}

func TestZoneInfo(t *testing.T) {
	g, class := NewWithT(t), ubuntu()
	g.Expect(class.ZoneInfo()).To(BeEmpty())
	class.Status.Subnets = []v1.Subnet{
		{ID: "subnet-3", Zone: "b", ZoneID: "az2"}, {ID: "subnet-2", Zone: "a", ZoneID: "az1"}, {ID: "subnet-1", Zone: "b", ZoneID: "az2"},
	}
	g.Expect(class.ZoneInfo()).To(Equal([]v1.ZoneInfo{
		{Zone: "a", ZoneID: "az1", SubnetIDs: []string{"subnet-2"}},
		{Zone: "b", ZoneID: "az2", SubnetIDs: []string{"subnet-3", "subnet-1"}},
	}))
}

func TestSchemeKnowsTheTypes(t *testing.T) {
	g, scheme := NewWithT(t), runtime.NewScheme()
	g.Expect(v1.AddToScheme(scheme)).To(Succeed())
	for _, object := range []runtime.Object{&v1.EC2NodeClass{}, &v1.EC2NodeClassList{}} {
		kinds, _, err := scheme.ObjectKinds(object)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(kinds).To(HaveLen(1))
		g.Expect(kinds[0].GroupVersion().String()).To(Equal("karpenter.k8s.aws/v1"))
	}
}

func TestWellKnownIsACopy(t *testing.T) {
	g := NewWithT(t)
	first := v1.GetWellKnown()
	first.Labels[0], first.RequirementValues[v1.LabelInstanceTenancy] = "changed", nil
	g.Expect(v1.GetWellKnown().Labels).NotTo(ContainElement("changed"))
	g.Expect(v1.GetWellKnown().RequirementValues).To(HaveKeyWithValue("karpenter.k8s.aws/instance-tenancy", ConsistOf("default", "dedicated")))
}
