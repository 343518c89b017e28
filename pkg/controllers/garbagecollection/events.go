package garbagecollection

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// nameCollision tells the owner of class that another cluster has this one's name, cluster. Sent
// once an hour for the same clusters.
func nameCollision(class *v1.EC2NodeClass, cluster string, uids []string, instances int) events.Event {
	return events.Event{
		InvolvedObject: class,
		Type:           corev1.EventTypeWarning,
		Reason:         "ClusterNameCollision",
		Message: fmt.Sprintf("%d instances bear this cluster's name %q (CLUSTER_NAME) and the kube-system UID of another: %s. They are left alone; give each cluster in an account and region a name of its own",
			instances, cluster, strings.Join(uids, ", ")),
		DedupeValues:  append([]string{string(class.UID)}, uids...),
		DedupeTimeout: time.Hour,
	}
}
