package main

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

func TestTemplate(t *testing.T) {
	for name, tc := range map[string]struct {
		crd, want string
		err       bool
	}{
		"annotations are made room for": {
			crd:  "metadata:\n  annotations:\n    a: b\n",
			want: "metadata:\n  annotations:\n    {{- with .Values.additionalAnnotations }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n    a: b\n",
		},
		"braces would be run by Helm":  {crd: "metadata:\n  annotations:\n    a: '{{ b }}'\n", err: true},
		"there must be annotations":    {crd: "metadata:\n  name: x\n", err: true},
		"there must be one such place": {crd: "x:\n  annotations:\n    a: b\ny:\n  annotations:\n    a: b\n", err: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := template([]byte(tc.crd))
			g.Expect(err != nil).To(Equal(tc.err))
			g.Expect(string(got)).To(Equal(tc.want))
		})
	}
}

// crd is a definition with one property at spec.requirements[].key.
func crd(versions ...any) map[string]any {
	return map[string]any{"spec": map[string]any{"versions": versions}}
}

func version(key map[string]any) map[string]any {
	return map[string]any{"schema": map[string]any{"openAPIV3Schema": map[string]any{"properties": map[string]any{
		"spec": map[string]any{"properties": map[string]any{
			"requirements": map[string]any{"items": map[string]any{"properties": map[string]any{"key": key}}},
		}},
	}}}}
}

func TestGuardAddsToEveryVersion(t *testing.T) {
	g := NewWithT(t)
	first, second := map[string]any{"x-kubernetes-validations": []any{"old"}}, map[string]any{}
	place := guarded{path: []string{"spec", "requirements", "items", "key"}, subject: "key", allowed: []string{"karpenter.k8s.aws/a"}}
	g.Expect(place.guard(crd(version(first), version(second)))).To(Succeed())
	rule := map[string]any{
		"message": `label domain "karpenter.k8s.aws" is restricted to the labels that instance types have`,
		"rule":    `self in ["karpenter.k8s.aws/a"] || !self.find("^([^/]+)").endsWith("karpenter.k8s.aws")`,
	}
	g.Expect(first["x-kubernetes-validations"]).To(Equal([]any{"old", rule}))
	g.Expect(second["x-kubernetes-validations"]).To(Equal([]any{rule}))
}

func TestGuardFailsWhereCoreHasMoved(t *testing.T) {
	g := NewWithT(t)
	place := guarded{path: []string{"spec", "elsewhere"}, subject: "key"}
	g.Expect(place.guard(crd(version(map[string]any{})))).To(MatchError(ContainSubstring("no schema at schema.openAPIV3Schema.spec.elsewhere")))
	g.Expect(place.guard(crd())).To(MatchError("it has no versions"))
	g.Expect(guardLabelDomain(map[string]map[string]any{})).To(MatchError("core has no karpenter.sh_nodepools.yaml"))
}

func TestLabelsThatUsersMayName(t *testing.T) {
	g := NewWithT(t)
	labels := providerLabels()
	g.Expect(labels).To(ContainElements(v1.LabelNodeClass, v1.LabelInstanceFamily, v1.LabelInstanceTenancy, v1.LabelCapacityReservationID))
	g.Expect(labels).To(HaveEach(HavePrefix("karpenter.k8s.aws/")))
	g.Expect(overlayLabels(labels)).To(ContainElement(v1.LabelInstanceFamily))
	g.Expect(overlayLabels(labels)).NotTo(ContainElement(v1.LabelInstanceTenancy))
}

func TestCompareAndWrite(t *testing.T) {
	g := NewWithT(t)
	t.Chdir(t.TempDir())
	file, old := filepath.Join(crdDir, "a.yaml"), filepath.Join(crdDir, "old.yaml")
	want := map[string][]byte{file: []byte("new")}
	g.Expect(compare(want)).To(MatchError(ContainSubstring(file)), "it is missing")
	g.Expect(os.MkdirAll(crdDir, 0o755)).To(Succeed())
	g.Expect(os.WriteFile(old, nil, 0o600)).To(Succeed())
	g.Expect(write(want)).To(Succeed())
	g.Expect(compare(want)).To(Succeed())
	g.Expect(old).NotTo(BeAnExistingFile(), "nothing generates it any more")
	g.Expect(os.WriteFile(file, []byte("edited"), 0o600)).To(Succeed())
	g.Expect(compare(want)).To(MatchError(ContainSubstring(file)))
	g.Expect(os.WriteFile(file, []byte("new"), 0o600)).To(Succeed())
	g.Expect(os.WriteFile(old, nil, 0o600)).To(Succeed())
	g.Expect(compare(want)).To(MatchError(ContainSubstring(old)))
}
