package operator

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes/scheme"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	coreoperator "sigs.k8s.io/karpenter/pkg/operator"
	coreoptions "sigs.k8s.io/karpenter/pkg/operator/options"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
)

// TellCore writes what Karpenter core keeps in package variables and every provider has to
// set before core starts. Nothing else in this module writes to another's variables. It
// may be called more than once.
func TellCore() error {
	known := v1.GetWellKnown()
	karpv1.RestrictedLabelDomains.Insert(known.RestrictedLabelDomains...)
	karpv1.WellKnownLabels.Insert(known.Labels...)
	karpv1.WellKnownResources.Insert(known.Resources...)
	maps.Copy(karpv1.NormalizedLabels, known.NormalizedLabels)
	for label, values := range known.RequirementValues {
		karpv1.WellKnownValuesForRequirements[label] = sets.New(values...)
	}
	karpenter.ReservationIDLabel = known.ReservationIDLabel
	karpenter.ReservedCapacityLabels.Insert(known.ReservationLabels...)
	if err := v1.AddToScheme(scheme.Scheme); err != nil {
		return fmt.Errorf("adding EC2NodeClass to the scheme: %w", err)
	}
	// Core parses the command line itself, and refuses flags that no one has declared.
	if !slices.ContainsFunc(coreoptions.Injectables, isOurs) {
		coreoptions.Injectables = append(coreoptions.Injectables, &options.Options{})
	}
	return nil
}

func isOurs(i coreoptions.Injectable) bool {
	_, ok := i.(*options.Options)
	return ok
}

// leaderNamespace is where core looks for the namespace of the lease by which replicas
// choose a leader, before it asks for the pod's own.
const leaderNamespace = "LEADER_ELECTION_NAMESPACE"

// newCore starts core, whose context has values of core's own and ends with parent. The lease
// is in namespace unless the environment says otherwise. Core panics when it cannot reach the
// API server; that becomes an error for a person to read.
func newCore(parent context.Context, namespace string) (ctx context.Context, core *coreoperator.Operator, err error) {
	if os.Getenv(leaderNamespace) == "" {
		if err := os.Setenv(leaderNamespace, namespace); err != nil {
			return nil, nil, fmt.Errorf("setting the namespace of the lease: %w", err)
		}
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("starting Karpenter core, check that the API server can be reached and the ServiceAccount is allowed: %v", cause)
		}
	}()
	ctx, core = coreoperator.NewOperator()
	ctx, stop := context.WithCancel(ctx)
	context.AfterFunc(parent, stop)
	return ctx, core, nil
}
