package instancetype

import (
	"fmt"
	"maps"
	"slices"

	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/kubelet"
)

// driverEBS is the name of the EBS CSI driver.
const driverEBS = "ebs.csi.aws.com"

// Resolve returns each type of the region as a node of class would be on it, ordered by
// name, and at the same place what the kubelet of such a node is started with.
//
// The offerings are every zone and capacity type that EC2 has it in. Their prices are 0, and
// Available says no more than that the class reaches the zone and EC2 would take the
// launch; whether capacity is there and what it costs is for the caller to add. The objects
// are fresh, but requirements and sizes share memory among them and are read-only.
//
// It fails with ErrUnknown before the first Update, and on kubelet settings that a kubelet
// would refuse.
func (p *Provider) Resolve(class *v1.EC2NodeClass, c cluster.Cluster) ([]*karpenter.InstanceType, []kubelet.Sizes, error) {
	known := p.current.Load()
	if known == nil {
		return nil, nil, ErrUnknown
	}
	r, err := p.resolver(class, c)
	if err != nil {
		return nil, nil, err
	}
	types := make([]*karpenter.InstanceType, len(known.types))
	sizes := make([]kubelet.Sizes, len(known.types))
	for i, t := range known.types {
		sizes[i] = r.sizes(t)
		if types[i], err = r.resolve(t, known.labels[i], sizes[i]); err != nil {
			return nil, nil, fmt.Errorf("resolving instance type %s: %w", t.Name, err)
		}
	}
	return types, sizes, nil
}

// resolver holds what is the same for all types of one class.
type resolver struct {
	provider *Provider
	class    *v1.EC2NodeClass
	family   family
	mode     cluster.Mode
	pods     cluster.PodNetwork
	kubelet  kubelet.Config // what the node's kubelet is configured with
	zones    map[string]v1.ZoneInfo
	images   []scheduling.Requirements
	// offered are the requirements of an offering, by zone and capacity type, made once.
	offered map[[2]string]scheduling.Requirements
}

func (p *Provider) resolver(class *v1.EC2NodeClass, c cluster.Cluster) (*resolver, error) {
	config, err := kubelet.ParseFields(class.Spec.Kubelet)
	if err != nil {
		return nil, err
	}
	if c.Mode != cluster.EKS { // EKS has no kubelet-config; what is there is not for its nodes
		base, err := kubelet.ParseDocument(c.Kubelet)
		if err != nil {
			return nil, err
		}
		config = config.Over(base)
	}
	return &resolver{
		provider: p, class: class, mode: c.Mode, pods: c.Pods, kubelet: config,
		family:  familyOf(class.AMIFamily()),
		zones:   lo.KeyBy(class.ZoneInfo(), func(z v1.ZoneInfo) string { return z.Zone }),
		offered: map[[2]string]scheduling.Requirements{},
		images: lo.Map(class.Status.AMIs, func(image v1.AMI, _ int) scheduling.Requirements {
			return scheduling.NewNodeSelectorRequirements(image.Requirements...)
		}),
	}, nil
}

func (r *resolver) resolve(t Type, labels scheduling.Requirements, sizes kubelet.Sizes) (*karpenter.InstanceType, error) {
	capacity := r.provider.capacity(t, r.class, r.family, sizes)
	overhead, err := sizes.Overhead(capacity)
	if err != nil {
		return nil, err
	}
	requirements := r.requirements(t, labels)
	return &karpenter.InstanceType{
		Name:                   t.Name,
		Requirements:           requirements,
		Offerings:              r.offerings(t, suitable(t, r.class, requirements, r.images)),
		Capacity:               capacity,
		VolumeAttachmentLimits: map[string]int{driverEBS: volumeLimit(t, r.class, r.family)},
		Overhead: &karpenter.InstanceTypeOverhead{
			KubeReserved:      overhead.KubeReserved,
			SystemReserved:    overhead.SystemReserved,
			EvictionThreshold: overhead.EvictionThreshold,
		},
	}, nil
}

func (r *resolver) sizes(t Type) kubelet.Sizes {
	switch {
	case r.mode == cluster.EKS:
		return kubelet.EKS(r.kubelet, kubelet.Machine{VCPUs: t.VCPUs, Network: r.network(t)}, r.family.eks)
	case r.pods.VPC:
		return kubelet.Kubeadm(r.kubelet, kubelet.Machine{VCPUs: t.VCPUs, Network: r.network(t)})
	default:
		return kubelet.Kubeadm(r.kubelet, kubelet.Machine{VCPUs: t.VCPUs})
	}
}

// network is what the VPC CNI has addresses of on a node of type t.
func (r *resolver) network(t Type) kubelet.Network {
	onDefaultCard := func(nic *v1.NetworkInterface) bool { return nic.NetworkCardIndex == 0 && isEFA(nic) }
	reserved := r.provider.config.ReservedENIs
	if r.pods.Custom {
		reserved = max(reserved, 1) // who was told to reserve it for this reason reserves it once
	}
	return kubelet.Network{
		Interfaces:            t.Network.interfaces() - int64(lo.CountBy(r.class.Spec.NetworkInterfaces, onDefaultCard)),
		ReservedInterfaces:    reserved,
		AddressesPerInterface: t.Network.IPv4PerInterface,
		Prefixes:              r.pods.Prefixes && t.nitro(), // other machines' interfaces have none
	}
}

// requirements adds to the type's labels what depends on the class.
func (r *resolver) requirements(t Type, labels scheduling.Requirements) scheduling.Requirements {
	all := maps.Clone(labels)
	reached := lo.Filter(t.Zones, func(zone string, _ int) bool { return lo.HasKey(r.zones, zone) })
	ids := lo.FilterMap(reached, func(zone string, _ int) (string, bool) {
		id := r.zones[zone].ZoneID
		return id, id != "" // a status from before zone ids were kept has none
	})
	all.Add(
		in(corev1.LabelTopologyZone, reached...),
		in(karpv1.CapacityTypeLabelKey, t.CapacityTypes...),
		in(corev1.LabelOSStable, r.operatingSystem(t)...),
		in(corev1.LabelWindowsBuild, stated(r.family.windowsBuild)...),
	)
	if len(ids) > 0 {
		all.Add(in(v1.LabelTopologyZoneID, ids...))
	}
	return all
}

func (r *resolver) operatingSystem(t Type) []string {
	switch {
	case r.family.windowsBuild == "":
		return []string{string(corev1.Linux)}
	case t.Architecture == karpv1.ArchitectureAmd64:
		return []string{string(corev1.Windows)}
	default:
		return nil // there is no Windows for it
	}
}

func (r *resolver) offerings(t Type, suitable bool) karpenter.Offerings {
	all := make(karpenter.Offerings, 0, len(t.Zones)*len(t.CapacityTypes))
	for _, zone := range t.Zones {
		for _, capacityType := range t.CapacityTypes {
			all = append(all, &karpenter.Offering{
				Requirements: r.offeringRequirements(zone, capacityType),
				Available:    suitable && lo.HasKey(r.zones, zone),
			})
		}
	}
	return slices.Clip(all)
}

func (r *resolver) offeringRequirements(zone, capacityType string) scheduling.Requirements {
	key := [2]string{zone, capacityType}
	if made, ok := r.offered[key]; ok {
		return made
	}
	made := scheduling.NewRequirements(
		in(karpv1.CapacityTypeLabelKey, capacityType),
		in(corev1.LabelTopologyZone, zone),
		in(v1.LabelCapacityReservationID),
		in(v1.LabelCapacityReservationType),
		in(v1.LabelCapacityReservationInterruptible),
	)
	if id := r.zones[zone].ZoneID; id != "" {
		made.Add(in(v1.LabelTopologyZoneID, id))
	}
	r.offered[key] = made
	return made
}
