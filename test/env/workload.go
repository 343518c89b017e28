package env

import (
	"context"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/chart"
)

// Workload is a Deployment of equal pods.
type Workload struct {
	Name        string
	Replicas    int32
	CPU, Memory string // requests of one pod
	Tolerations []corev1.Toleration
	// NodeSelector picks nodes by label.
	NodeSelector map[string]string
}

// Deployment is the object that the workload is.
func (w Workload) Deployment() *appsv1.Deployment {
	labels := map[string]string{"app": w.Name}
	grace := int64(0)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name, Namespace: metav1.NamespaceDefault},
		Spec: appsv1.DeploymentSpec{
			Replicas: &w.Replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: &grace,
					Tolerations:                   w.Tolerations,
					NodeSelector:                  w.NodeSelector,
					Containers: []corev1.Container{{
						Name: "pause", Image: "pause",
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
							corev1.ResourceCPU: resource.MustParse(w.CPU), corev1.ResourceMemory: resource.MustParse(w.Memory),
						}},
					}},
				},
			},
		},
	}
}

// Pods returns the workload's pods.
func (w Workload) Pods(ctx context.Context, reader client.Reader) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := reader.List(ctx, &pods, client.InNamespace(metav1.NamespaceDefault), client.MatchingLabels{"app": w.Name})
	return pods.Items, err
}

// Running counts the workload's pods that run.
func (w Workload) Running(ctx context.Context, reader client.Reader) (int, error) {
	pods, err := w.Pods(ctx, reader)
	running := 0
	for i := range pods {
		if pods[i].Status.Phase == corev1.PodRunning && pods[i].DeletionTimestamp == nil {
			running++
		}
	}
	return running, err
}

// Scale sets the number of pods.
func (w Workload) Scale(ctx context.Context, admin client.Client, replicas int32) error {
	deployment := w.Deployment()
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	return admin.Patch(ctx, deployment, client.RawPatch("application/merge-patch+json", patch))
}

// ApplyFile creates the objects of a manifest as they are written.
func ApplyFile(ctx context.Context, admin client.Client, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading manifest: %w", err)
	}
	objects, err := chart.Parse(string(content))
	if err != nil {
		return fmt.Errorf("parsing %s: %w", path, err)
	}
	for _, object := range objects {
		if err := admin.Create(ctx, object); err != nil {
			return fmt.Errorf("creating %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

// WaitForDefaultServiceAccount waits until pods can be created in the default namespace.
func WaitForDefaultServiceAccount(ctx context.Context, admin client.Client) error {
	key := client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: "default"}
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		return admin.Get(ctx, key, &corev1.ServiceAccount{}) == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the default ServiceAccount: %w", err)
	}
	return nil
}
