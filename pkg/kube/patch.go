// Package kube holds what controllers do with objects of the API server, whatever the object.
//
// It answers: how is a change written so that it neither overwrites what others wrote nor
// costs a call when there is none? It talks to the API server through the client it is
// given, remembers nothing, and fails as the API server does. An object that has gone is no
// failure: there is nothing left to write.
package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patch writes what changed between before and after, but for the status, if anything did.
// It fails with a conflict when the object was changed since before was read: lists, such
// as finalizers, are written whole. After is brought up to date by the answer.
func Patch(ctx context.Context, c client.Writer, before, after client.Object) error {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	if err := c.Patch(ctx, after, locked(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patching %s: %w", before.GetName(), err)
	}
	return nil
}

// PatchStatus writes what changed of the status between before and after, if anything did.
// It fails with a conflict as Patch does: conditions are a list too.
func PatchStatus(ctx context.Context, c client.StatusClient, before, after client.Object) error {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	if err := c.Status().Patch(ctx, after, locked(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patching the status of %s: %w", before.GetName(), err)
	}
	return nil
}

func locked(before client.Object) client.Patch {
	return client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
}
