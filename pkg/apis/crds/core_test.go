package crds_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const (
	poolWithLabel = `
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: case}
spec:
  template:
    metadata: {labels: {%q: x}}
    spec:
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
      requirements: []
`
	poolWithRequirement = `
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: case}
spec:
  template:
    spec:
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
      requirements: [{key: %q, operator: Exists}]
`
	claimWithRequirement = `
apiVersion: karpenter.sh/v1
kind: NodeClaim
metadata: {name: case}
spec:
  nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
  requirements: [{key: %q, operator: Exists}]
`
	overlayWithRequirement = `
apiVersion: karpenter.sh/v1alpha1
kind: NodeOverlay
metadata: {name: case}
spec:
  requirements: [{key: %q, operator: Exists}]
  price: "1"
`
)

// testLabelDomain shows that core's objects may name those labels of our domain that exist.
func testLabelDomain(t *testing.T, c client.Client) {
	t.Helper()
	restricted := refused(`label domain "karpenter.k8s.aws" is restricted`)
	for name, tc := range map[string]struct {
		manifest, key string
		want          types.GomegaMatcher
	}{
		"a pool labels its nodes with a label of instance types": {poolWithLabel, "karpenter.k8s.aws/instance-family", Succeed()},
		"a pool cannot invent a label":                           {poolWithLabel, "karpenter.k8s.aws/instance-famly", restricted},
		"a pool labels its nodes with its own":                   {poolWithLabel, "example.com/team", Succeed()},
		"a pool requires a label of instance types":              {poolWithRequirement, "karpenter.k8s.aws/instance-cpu", Succeed()},
		"a pool cannot require what nothing has":                 {poolWithRequirement, "karpenter.k8s.aws/cpu", restricted},
		"a pool can require a placement":                         {poolWithRequirement, "karpenter.k8s.aws/instance-tenancy", Succeed()},
		"a claim requires a label of instance types":             {claimWithRequirement, "karpenter.k8s.aws/instance-cpu", Succeed()},
		"a claim cannot require what nothing has":                {claimWithRequirement, "karpenter.k8s.aws/cpu", restricted},
		"an overlay speaks of instance types":                    {overlayWithRequirement, "karpenter.k8s.aws/instance-cpu", Succeed()},
		"an overlay does not speak of placement":                 {overlayWithRequirement, "karpenter.k8s.aws/placement-group-id", restricted},
		"an overlay does not speak of reservations":              {overlayWithRequirement, "karpenter.k8s.aws/capacity-reservation-id", restricted},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			object := &unstructured.Unstructured{}
			g.Expect(yaml.Unmarshal(fmt.Appendf(nil, tc.manifest, tc.key), &object.Object)).To(Succeed())
			g.Expect(c.Create(t.Context(), object, client.DryRunAll)).To(tc.want)
		})
	}
}
