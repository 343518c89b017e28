package plane

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// withoutWorkloads reads the manifests of the addons and leaves out what would make pods: no node of the cluster can
// run them, and a pending pod is what an autoscaler under test acts on.
func withoutWorkloads(manifests []byte) ([]unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), len(manifests))
	var kept []unstructured.Unstructured
	for {
		var object unstructured.Unstructured
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return kept, nil
		case err != nil:
			return nil, fmt.Errorf("reading the addons' manifests: %w", err)
		case len(object.Object) > 0 && !slices.Contains([]string{"Deployment", "DaemonSet"}, object.GetKind()):
			kept = append(kept, object)
		}
	}
}

// clusterAdmins is the binding that gives admin.conf its power. kubeadm makes it only where it finds admin.conf in
// /etc/kubernetes.
func clusterAdmins() (unstructured.Unstructured, error) {
	const name = "kubeadm:cluster-admins"
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: name}},
	})
	if err != nil {
		return unstructured.Unstructured{}, fmt.Errorf("building %s: %w", name, err)
	}
	return unstructured.Unstructured{Object: object}, nil
}
