package crds_test

import (
	"fmt"
	"maps"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/apiserver"
)

// base is a class that the schema accepts. Cases replace fields of its spec.
const base = `
amiFamily: Ubuntu
role: node
subnetSelectorTerms: [{tags: {a: b}}]
securityGroupSelectorTerms: [{tags: {a: b}}]
`

// refused matches the error of a request that the schema turned down with text.
func refused(text string) types.GomegaMatcher {
	return MatchError(And(ContainSubstring("is invalid"), ContainSubstring(text)))
}

// schemaCase is one spec and what becomes of it.
type schemaCase struct {
	spec string // fields over base; a null removes one
	want types.GomegaMatcher
}

// TestCRDs runs everything on one API server: starting it is most of the time.
func TestCRDs(t *testing.T) {
	c, err := client.New(apiserver.Start(t), client.Options{Scheme: runtime.NewScheme()})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Run("schema", func(t *testing.T) { testSchema(t, c) })
	t.Run("defaults", func(t *testing.T) { testDefaults(t, c) })
	t.Run("label domain", func(t *testing.T) { testLabelDomain(t, c) })
	t.Run("seed manifests", func(t *testing.T) { testSeedManifests(t, c) })
}

// testSchema shows each rule of the EC2NodeClass schema one object that it lets pass and
// one that it refuses.
func testSchema(t *testing.T, c client.Client) {
	t.Helper()
	for _, table := range []map[string]schemaCase{familyCases(), selectorCases(), amiTermCases(), identityCases(), deviceCases(), optionCases()} {
		for name, tc := range table {
			t.Run(name, func(t *testing.T) {
				g := NewWithT(t)
				g.Expect(c.Create(t.Context(), nodeClass(g, tc.spec), client.DryRunAll)).To(tc.want)
			})
		}
	}
}

func nodeClass(g Gomega, overlay string) *unstructured.Unstructured {
	spec, over := map[string]any{}, map[string]any{}
	g.Expect(yaml.Unmarshal([]byte(base), &spec)).To(Succeed())
	g.Expect(yaml.Unmarshal([]byte(overlay), &over)).To(Succeed())
	maps.Copy(spec, over)
	maps.DeleteFunc(spec, func(_ string, value any) bool { return value == nil })
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass",
		"metadata": map[string]any{"generateName": "case-"},
		"spec":     spec,
	}}
}

func familyCases() map[string]schemaCase {
	cases := map[string]schemaCase{
		"no family and no alias leave open what boots":       {`{amiFamily: null, amiSelectorTerms: [{id: ami-1}]}`, refused("set 'amiFamily', or an 'alias'")},
		"no family and no terms leave open what boots":       {`{amiFamily: null}`, refused("set 'amiFamily', or an 'alias'")},
		"a family that nobody knows is refused":              {`{amiFamily: Gentoo}`, refused("Unsupported value")},
		"Custom may boot an alias":                           {`{amiFamily: Custom, amiSelectorTerms: [{alias: al2023@latest}]}`, Succeed()},
		"another family than the alias contradicts it":       {`{amiFamily: Ubuntu, amiSelectorTerms: [{alias: al2023@latest}]}`, refused("amiFamily must be 'Custom' or the family of the alias")},
		"Bottlerocket is not what windows2022 boots":         {`{amiFamily: Bottlerocket, amiSelectorTerms: [{alias: windows2022@latest}]}`, refused("amiFamily must be 'Custom' or the family of the alias")},
		"an alias without a family is no alias":              {`{amiSelectorTerms: [{alias: "@latest"}]}`, refused("must have the form 'family@version'")},
		"an alias without a version is no alias":             {`{amiSelectorTerms: [{alias: ubuntu}]}`, refused("must have the form 'family@version'")},
		"an alias of a family that nobody knows is refused":  {`{amiFamily: Custom, amiSelectorTerms: [{alias: gentoo@latest}]}`, refused("alias family must be one of")},
		"an alias is spelled in lower case":                  {`{amiFamily: Custom, amiSelectorTerms: [{alias: AL2023@latest}]}`, refused("alias family must be one of")},
		"Windows images have no versions":                    {`{amiFamily: Windows2022, amiSelectorTerms: [{alias: windows2022@v1}]}`, refused("only the version 'latest'")},
		"an alias has at most 30 characters":                 {`{amiSelectorTerms: [{alias: ubuntu@aaaaaaaaaaaaaaaaaaaaaaaa}]}`, refused("Too long")},
		"a pinned version of another family is its own form": {`{amiFamily: Bottlerocket, amiSelectorTerms: [{alias: bottlerocket@v1.20.0}]}`, Succeed()},
	}
	for _, family := range []string{"Ubuntu", "Debian", "AL2023", "Bottlerocket", "Flatcar"} {
		cases[family+" has a default image"] = schemaCase{fmt.Sprintf(`{amiFamily: %s}`, family), Succeed()}
	}
	for _, family := range []string{"Custom", "AL2", "Windows2019", "Windows2022", "Windows2025"} {
		cases[family+" has no default image"] = schemaCase{fmt.Sprintf(`{amiFamily: %s}`, family), refused("amiSelectorTerms is required for this amiFamily")}
		cases[family+" takes an image by id"] = schemaCase{fmt.Sprintf(`{amiFamily: %s, amiSelectorTerms: [{id: ami-1}]}`, family), Succeed()}
	}
	for _, alias := range []string{"al2", "al2023", "bottlerocket", "debian", "flatcar", "ubuntu", "windows2019", "windows2022", "windows2025"} {
		cases["the alias "+alias+" names its family"] = schemaCase{fmt.Sprintf(`{amiFamily: null, amiSelectorTerms: [{alias: %s@latest}]}`, alias), Succeed()}
	}
	return cases
}

func amiTermCases() map[string]schemaCase {
	return map[string]schemaCase{
		"an empty list of images selects nothing":       {`{amiSelectorTerms: []}`, refused("should have at least 1 items")},
		"an empty image term selects nothing":           {`{amiSelectorTerms: [{}]}`, refused("each AMI selector term needs")},
		"an owner alone would select too much":          {`{amiSelectorTerms: [{owner: self}]}`, refused("each AMI selector term needs")},
		"an image by name and owner":                    {`{amiSelectorTerms: [{name: my-image-*, owner: "123456789012"}]}`, Succeed()},
		"an image by tags":                              {`{amiSelectorTerms: [{tags: {a: "*"}}]}`, Succeed()},
		"an image by SSM parameter":                     {`{amiSelectorTerms: [{ssmParameter: /my/image}]}`, Succeed()},
		"an image by id and another by name":            {`{amiSelectorTerms: [{id: ami-0a1b2c3d}, {name: x}]}`, Succeed()},
		"an image id is anchored":                       {`{amiSelectorTerms: [{id: my-ami-0a1b}]}`, refused("should match")},
		"an id needs no tags":                           {`{amiSelectorTerms: [{id: ami-1, tags: {a: b}}]}`, refused("'id' stands alone in an AMI")},
		"an id needs no name":                           {`{amiSelectorTerms: [{id: ami-1, name: x}]}`, refused("'id' stands alone in an AMI")},
		"an id needs no owner":                          {`{amiSelectorTerms: [{id: ami-1, owner: self}]}`, refused("'id' stands alone in an AMI")},
		"an alias needs no name":                        {`{amiSelectorTerms: [{alias: ubuntu@24.04, name: x}]}`, refused("'alias' stands alone in an AMI")},
		"an alias needs no id":                          {`{amiSelectorTerms: [{alias: ubuntu@24.04, id: ami-1}]}`, refused("'alias' stands alone in an AMI")},
		"an alias is the only term":                     {`{amiSelectorTerms: [{alias: ubuntu@24.04}, {id: ami-1}]}`, refused("must be the only AMI selector term")},
		"an image tag without a value would never be":   {`{amiSelectorTerms: [{tags: {a: ""}}]}`, refused("tag keys and values must not be empty")},
		"an image tag without a key cannot be":          {`{amiSelectorTerms: [{tags: {"": b}}]}`, refused("tag keys and values must not be empty")},
		"an image by an SSM parameter given by its ARN": {`{amiSelectorTerms: [{ssmParameter: "arn:aws:ssm:us-east-1:123456789012:parameter/x"}]}`, Succeed()},
	}
}

func identityCases() map[string]schemaCase {
	return map[string]schemaCase{
		"an instance profile instead of a role":       {`{role: null, instanceProfile: mine}`, Succeed()},
		"a role and a profile contradict each other":  {`{instanceProfile: mine}`, refused("exactly one of 'role' and 'instanceProfile'")},
		"neither role nor profile gives no identity":  {`{role: null}`, refused("exactly one of 'role' and 'instanceProfile'")},
		"an empty role is none":                       {`{role: ""}`, refused("role must not be empty")},
		"an empty profile is none":                    {`{role: null, instanceProfile: ""}`, refused("instanceProfile must not be empty")},
		"a tag needs a key":                           {`{tags: {Environment: dev, "": x}}`, refused("tag keys must not be empty")},
		"a tag value may be empty":                    {`{tags: {Environment: ""}}`, Succeed()},
		"the cluster name's tag is ours":              {`{tags: {"eks:eks-cluster-name": x}}`, refused("the tag eks:eks-cluster-name is set by Karpenter")},
		"the cluster's ownership tag is ours":         {`{tags: {kubernetes.io/cluster/x: owned}}`, refused("begin with kubernetes.io/cluster")},
		"the NodePool's tag is ours":                  {`{tags: {karpenter.sh/nodepool: x}}`, refused("the tag karpenter.sh/nodepool is set by Karpenter")},
		"the NodeClaim's tag is ours":                 {`{tags: {karpenter.sh/nodeclaim: x}}`, refused("the tag karpenter.sh/nodeclaim is set by Karpenter")},
		"the class's tag is ours":                     {`{tags: {karpenter.k8s.aws/ec2nodeclass: x}}`, refused("the tag karpenter.k8s.aws/ec2nodeclass is set by Karpenter")},
		"kubelet takes any object":                    {`{kubelet: {maxPods: 20, notYetInvented: {a: [1]}}}`, Succeed()},
		"kubelet takes nothing but an object":         {`{kubelet: [1]}`, refused("kubelet")},
		"a tag that only looks like ours is a user's": {`{tags: {karpenter.sh/discovery: "true"}}`, Succeed()},
	}
}
