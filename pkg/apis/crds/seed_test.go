package crds_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// testSeedManifests applies the manifests of charts/karpenter/examples/seed as they are, and
// reads back what the API server made of them.
func testSeedManifests(t *testing.T, c client.Client) {
	t.Helper()
	g := NewWithT(t)
	for _, name := range []string{"nodepool.yaml", "ec2nodeclass.yaml"} {
		object := &unstructured.Unstructured{}
		g.Expect(yaml.UnmarshalStrict(manifest(g, name), &object.Object)).To(Succeed())
		g.Expect(c.Create(t.Context(), object, client.FieldValidation("Strict"))).To(Succeed(), name)
	}

	scheme := runtime.NewScheme()
	g.Expect(v1.AddToScheme(scheme)).To(Succeed())
	stored := &unstructured.Unstructured{}
	stored.SetGroupVersionKind(v1.GroupVersion().WithKind("EC2NodeClass"))
	g.Expect(c.Get(t.Context(), client.ObjectKey{Name: "default"}, stored)).To(Succeed())
	class := &v1.EC2NodeClass{}
	g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(stored.Object, class, true)).To(Succeed())

	g.Expect(class.AMIFamily()).To(Equal(v1.AMIFamilyUbuntu))
	g.Expect(class.Spec.AMISelectorTerms).To(BeEmpty(), "Ubuntu has a default image")
	g.Expect(*class.Spec.InstanceProfile).To(Equal("karpenter-node-profile"))
	g.Expect(*class.Spec.MetadataOptions.HTTPPutResponseHopLimit).To(BeEquivalentTo(2))
	g.Expect(class.Spec.BlockDeviceMappings[0].EBS.VolumeSize.String()).To(Equal("40Gi"))
	g.Expect(*class.Spec.UserData).To(HaveSuffix("--discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}\n"))
	g.Expect(*class.Spec.UserData).To(ContainSubstring("패키지"), "user data are bytes, not ASCII")
}

func manifest(g Gomega, name string) []byte {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "charts", "karpenter", "examples", "seed", name))
	g.Expect(err).NotTo(HaveOccurred())
	return content
}

// testDefaults shows that what a user leaves out gets the AWS provider's defaults.
func testDefaults(t *testing.T, c client.Client) {
	t.Helper()
	g := NewWithT(t)
	object := nodeClass(g, `{}`)
	g.Expect(c.Create(t.Context(), object)).To(Succeed())
	options, _, err := unstructured.NestedMap(object.Object, "spec", "metadataOptions")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(options).To(Equal(map[string]any{
		"httpEndpoint": "enabled", "httpProtocolIPv6": "disabled", "httpPutResponseHopLimit": int64(1), "httpTokens": "required",
	}))

	partly := nodeClass(g, `{metadataOptions: {httpTokens: optional}}`)
	g.Expect(c.Create(t.Context(), partly)).To(Succeed())
	options, _, err = unstructured.NestedMap(partly.Object, "spec", "metadataOptions")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(options).To(Equal(map[string]any{
		"httpEndpoint": "enabled", "httpProtocolIPv6": "disabled", "httpPutResponseHopLimit": int64(1), "httpTokens": "optional",
	}))
}
