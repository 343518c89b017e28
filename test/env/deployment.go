package env

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/install"
)

// deployment is where the chart has its controller.
func deployment() client.ObjectKey {
	return client.ObjectKey{Namespace: install.Namespace, Name: install.Name}
}

// findDeployment reports whether the cluster is somebody else's and has the product installed.
func (e *Env) findDeployment(ctx context.Context) (bool, error) {
	if e.cluster != nil {
		return false, nil
	}
	err := e.Admin.Get(ctx, deployment(), &appsv1.Deployment{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the controller's Deployment: %w", err)
	}
	e.options.Progress("the controller is a pod of the cluster")
	return true, nil
}

// Deployed reports whether the controller is a pod of somebody else's cluster: nobody sees its requests or stops it.
func (e *Env) Deployed() bool { return e.deployed }

// waitForDeployment returns when all replicas of the controller are ready.
func (e *Env) waitForDeployment(ctx context.Context) error {
	err := wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		var d appsv1.Deployment
		if err := e.Admin.Get(ctx, deployment(), &d); err != nil {
			return false, err
		}
		return d.Spec.Replicas != nil && d.Status.ReadyReplicas == *d.Spec.Replicas, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the controller's Deployment: %w", err)
	}
	return nil
}
