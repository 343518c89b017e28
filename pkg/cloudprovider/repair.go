package cloudprovider

import (
	"time"

	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
)

const (
	// sureAfter is how long a fault must last before a node is given up for it: kubelets and
	// agents recover from most within half of it.
	sureAfter = 30 * time.Minute
	// sureGPUAfter is the same for faults that a GPU's driver has named.
	sureGPUAfter = 10 * time.Minute
	// drain and drainGPU bound how long pods may take to leave a node that is repaired, where
	// NodePools set no bound and a drain could otherwise hang for days.
	drain    = 10 * time.Minute
	drainGPU = 5 * time.Minute

	hardware corev1.NodeConditionType = "AcceleratedHardwareReady"

	// The codes (XID) of NVIDIA's driver, as the node monitoring agent puts them in reasons:
	// faults that a reboot clears, and those that nothing does.
	rebootClears = `.*XID(46|48|54|62|63|95|109|110|136|140|143|155|156|158).*`
	fatal        = `.*XID(64|74|79|119|120).*`
	anyReason    = `.*`
)

// RepairPolicies are the AWS provider's. The conditions beside Ready come from the EKS node
// monitoring agent, where it is installed. Exactly one policy has no reason, as core asks:
// it is the fallback for what no other matches.
func (c *CloudProvider) RepairPolicies() []karpenter.RepairPolicy {
	if c.config.LegacyRepair {
		return legacyRepairPolicies()
	}
	reboot := karpenter.ReplaceNode
	if c.config.RebootForRepair {
		reboot = karpenter.RebootNode
	}
	return []karpenter.RepairPolicy{
		repair(corev1.NodeReady, corev1.ConditionFalse, anyReason),
		repair(corev1.NodeReady, corev1.ConditionUnknown, anyReason),
		repairGPU(rebootClears, reboot),
		repairGPU(fatal, karpenter.ReplaceNode),
		repair(hardware, corev1.ConditionFalse, ""),
		repair("StorageReady", corev1.ConditionFalse, anyReason),
		repair("NetworkingReady", corev1.ConditionFalse, anyReason),
		repair("KernelReady", corev1.ConditionFalse, anyReason),
		repair("ContainerRuntimeReady", corev1.ConditionFalse, anyReason),
	}
}

func repair(condition corev1.NodeConditionType, status corev1.ConditionStatus, reason string) karpenter.RepairPolicy {
	return karpenter.RepairPolicy{
		ConditionType: condition, ConditionStatus: status, ReasonRegex: reason,
		TolerationDuration: sureAfter, TerminationGracePeriod: lo.ToPtr(drain), Action: karpenter.ReplaceNode,
	}
}

func repairGPU(reason string, action karpenter.RepairAction) karpenter.RepairPolicy {
	return karpenter.RepairPolicy{
		ConditionType: hardware, ConditionStatus: corev1.ConditionFalse, ReasonRegex: reason,
		TolerationDuration: sureGPUAfter, TerminationGracePeriod: lo.ToPtr(drainGPU), Action: action,
	}
}

// legacyRepairPolicies are for the repair controller of before 1.15, which knows no reasons
// and takes its bounds from NodePools.
func legacyRepairPolicies() []karpenter.RepairPolicy {
	legacy := func(condition corev1.NodeConditionType, status corev1.ConditionStatus, after time.Duration) karpenter.RepairPolicy {
		return karpenter.RepairPolicy{ConditionType: condition, ConditionStatus: status, TolerationDuration: after, Action: karpenter.ReplaceNode}
	}
	return []karpenter.RepairPolicy{
		legacy(corev1.NodeReady, corev1.ConditionFalse, sureAfter),
		legacy(corev1.NodeReady, corev1.ConditionUnknown, sureAfter),
		legacy(hardware, corev1.ConditionFalse, sureGPUAfter),
		legacy("StorageReady", corev1.ConditionFalse, sureAfter),
		legacy("NetworkingReady", corev1.ConditionFalse, sureAfter),
		legacy("KernelReady", corev1.ConditionFalse, sureAfter),
		legacy("ContainerRuntimeReady", corev1.ConditionFalse, sureAfter),
	}
}
