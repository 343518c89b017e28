package plane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"
)

// askEvery is the pace of questions to the API server of a cluster that starts. All of them are answered from memory.
const askEvery = 50 * time.Millisecond

// errUnsigned is the state of cluster-info until the bootstrap signer has seen a token.
var errUnsigned = errors.New("cluster-info bears no signature")

// client asks a starting API server, as its super-administrator.
type client struct {
	dynamic dynamic.Interface
	typed   kubernetes.Interface
}

func connect(kubeconfig string) (client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return client{}, fmt.Errorf("reading a kubeconfig: %w", err)
	}
	config.QPS = -1 // a handful of requests to a server of our own
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return client{}, fmt.Errorf("making a client: %w", err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return client{}, fmt.Errorf("making a client: %w", err)
	}
	return client{dynamic: objects, typed: typed}, nil
}

// ready waits until the API server says that it is.
func (c client) ready(ctx context.Context) error {
	return until(ctx, "waiting for the API server", func(ctx context.Context) error {
		return c.typed.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// create creates the objects.
func (c client) create(ctx context.Context, objects []unstructured.Unstructured) error {
	for i := range objects {
		object := &objects[i]
		plural, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
		err := until(ctx, "creating "+object.GetKind()+" "+object.GetName(), func(ctx context.Context) error {
			_, err := c.dynamic.Resource(plural).Namespace(object.GetNamespace()).Create(ctx, object, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) { // an earlier try arrived, and its answer did not
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// usable waits for the work of the controllers that nodes and pods need: the default ServiceAccount, without which no
// pod is admitted, and the signature in cluster-info, without which nobody joins by token.
func (c client) usable(ctx context.Context) error {
	err := until(ctx, "waiting for the default ServiceAccount", func(ctx context.Context) error {
		_, err := c.typed.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	if err != nil {
		return err
	}
	return until(ctx, "waiting for the bootstrap signer", func(ctx context.Context) error {
		info, err := c.typed.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, bootstrapapi.ConfigMapClusterInfo, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for key := range info.Data {
			if strings.HasPrefix(key, bootstrapapi.JWSSignatureKeyPrefix) {
				return nil
			}
		}
		return errUnsigned
	})
}

// until tries until it succeeds. While a cluster starts any error may mean "not yet": nothing listens, a namespace is
// not made, a cache is not filled. Only a request that the API server calls wrong is not tried again.
func until(ctx context.Context, what string, try func(context.Context) error) error {
	last := errors.New("none")
	err := wait.PollUntilContextCancel(ctx, askEvery, true, func(ctx context.Context) (bool, error) {
		err := try(ctx)
		if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			return false, err
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%s (last answer: %w): %w", what, last, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
