package nodeclass

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// bottlerocketName is how AWS names the images: the variant with Kubernetes' minor, and the release.
var bottlerocketName = regexp.MustCompile(`^bottlerocket-aws-k8s-1\.(\d+)(?:-[a-z]+)*-(?:x86_64|aarch64|arm64)-v(\d+)\.(\d+)\.\d+`)

// The oldest release whose API takes what is rendered: it knows hostname-override-source.
const oldestBottlerocketMajor, oldestBottlerocketMinor = 1, 21

// checkImages refuses Bottlerocket's images whose nodes could not be what Karpenter expects.
// Their kubelet is on the image and finds out its provider ID and its name by itself, which
// is known of some variants and releases only.
func (c *Controller) checkImages(ctx context.Context, class *v1.EC2NodeClass) error {
	if class.AMIFamily() != v1.AMIFamilyBottlerocket {
		return nil
	}
	where, err := c.Clusters.Get(ctx)
	if err != nil {
		return fmt.Errorf("reading what nodes must know of the cluster: %w", err)
	}
	for _, image := range class.Status.AMIs {
		if fault := bottlerocketFault(image.Name, where.Version); fault != "" {
			return &refusal{ReasonInvalidSpec, fmt.Sprintf("spec.amiSelectorTerms: image %s (%q) %s", image.ID, image.Name, fault)}
		}
	}
	return nil
}

// bottlerocketFault says what is wrong with an image of that name on a cluster of that version.
func bottlerocketFault(name string, version cluster.Version) string {
	found := bottlerocketName.FindStringSubmatch(name)
	if found == nil {
		return "does not say in its name that it is a Bottlerocket of a variant aws-k8s-*, the ones that find out their provider ID by themselves; " +
			"select bottlerocket@latest, keep the name where you copy an image, or use amiFamily Custom"
	}
	number := func(at int) int {
		n, _ := strconv.Atoi(found[at]) // digits; too many of them are a large number, which is what they are
		return n
	}
	switch minor, major, release := number(1), number(2), number(3); {
	case minor > version.Minor:
		return fmt.Sprintf("has a kubelet of 1.%d, and the cluster's API servers are %s; select an image of 1.%d or older", minor, version, version.Minor)
	case major < oldestBottlerocketMajor || major == oldestBottlerocketMajor && release < oldestBottlerocketMinor:
		return fmt.Sprintf("is release %d.%d, whose settings have no hostname-override-source; select %d.%d.0 or newer",
			major, release, oldestBottlerocketMajor, oldestBottlerocketMinor)
	}
	return ""
}
