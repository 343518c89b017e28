// Package install puts the product on a cluster the way its charts do, all but the pod:
// the controller under test runs as a process of this machine, as the chart's
// ServiceAccount, with a token of its own, with the chart's permissions and the chart's environment.
//
// It talks to the API server as administrator, remembers nothing, and fails naming the
// object that could not be made.
package install

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/chart"
)

const (
	// Namespace is where the chart is installed.
	Namespace = "karpenter"
	// Name is the release's, and so the ServiceAccount's.
	Name = "karpenter"

	tokenLife = 24 * time.Hour
)

// Release says which charts to install.
type Release struct {
	Charts      string // folder that holds karpenter and karpenter-crd
	KubeVersion string
	Values      map[string]any
}

// Objects returns what both charts make, the custom resource definitions first.
func (r Release) Objects() ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, c := range []chart.Release{
		{Dir: r.Charts + "/karpenter-crd", Name: "karpenter-crd"},
		{Dir: r.Charts + "/karpenter", Name: Name, Values: r.Values},
	} {
		c.Namespace, c.KubeVersion = Namespace, r.KubeVersion
		rendered, err := c.Render()
		if err != nil {
			return nil, err
		}
		objects = append(objects, rendered...)
	}
	return objects, nil
}

// Apply makes the objects, except what would run pods, and returns the environment that
// the chart gives its controller.
func Apply(ctx context.Context, admin client.Client, objects []*unstructured.Unstructured) (map[string]string, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}
	if err := client.IgnoreAlreadyExists(admin.Create(ctx, namespace)); err != nil {
		return nil, fmt.Errorf("creating namespace %s: %w", Namespace, err)
	}
	for _, object := range objects {
		if object.GetKind() == "Deployment" {
			continue
		}
		if err := ensure(ctx, admin, object); err != nil {
			return nil, err
		}
	}
	return environment(chart.Kind(objects, "Deployment"))
}

func ensure(ctx context.Context, admin client.Client, object *unstructured.Unstructured) error {
	err := admin.Create(ctx, object.DeepCopy())
	if apierrors.IsAlreadyExists(err) {
		have := object.DeepCopy()
		if err = admin.Get(ctx, client.ObjectKeyFromObject(object), have); err == nil {
			object.SetResourceVersion(have.GetResourceVersion())
			err = admin.Update(ctx, object.DeepCopy())
		}
	}
	if err != nil {
		return fmt.Errorf("installing %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// environment reads the controller's variables off the Deployment; those that a kubelet
// would fill in from the pod get what a pod in our namespace would have.
func environment(deployments []*unstructured.Unstructured) (map[string]string, error) {
	if len(deployments) != 1 {
		return nil, fmt.Errorf("the chart has %d Deployments, not one", len(deployments))
	}
	var spec struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(deployments[0].Object, &spec); err != nil {
		return nil, fmt.Errorf("reading the chart's Deployment: %w", err)
	}
	env := map[string]string{}
	for _, variable := range spec.Spec.Template.Spec.Containers[0].Env {
		switch {
		case variable.ValueFrom == nil:
			env[variable.Name] = variable.Value
		case variable.ValueFrom.FieldRef != nil:
			env[variable.Name] = Namespace
		}
	}
	return env, nil
}

// WaitForCRDs waits until the API server serves the custom resources.
func WaitForCRDs(ctx context.Context, admin client.Client, lists ...client.ObjectList) error {
	for _, list := range lists {
		err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			return admin.List(ctx, list) == nil, nil
		})
		if err != nil {
			return fmt.Errorf("waiting for %T to be served: %w", list, err)
		}
	}
	return nil
}

// Kubeconfig writes a kubeconfig for the chart's ServiceAccount to file, for the server at
// url, whose certificate ca verifies.
func Kubeconfig(ctx context.Context, admin client.Client, url string, ca []byte, file string) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: Name, Namespace: Namespace}}
	seconds := int64(tokenLife.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if err := admin.SubResource("token").Create(ctx, account, request); err != nil {
		return fmt.Errorf("requesting a token for ServiceAccount %s/%s: %w", Namespace, Name, err)
	}
	if request.Status.Token == "" {
		return errors.New("the API server answered a token request without a token")
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: ca}
	config.AuthInfos["controller"] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	config.Contexts["controller"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "controller", Namespace: Namespace}
	config.CurrentContext = "controller"
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return fmt.Errorf("writing the controller's kubeconfig: %w", err)
	}
	return nil
}
