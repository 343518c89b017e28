package ec2

import "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "ec2", Protocol: wire.EC2, Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		Actions: map[string]wire.Action{
			"CreateFleet":                    on(w, (*region).createFleet),
			"CreateLaunchTemplate":           on(w, (*region).createTemplate),
			"CreateSecurityGroup":            on(w, (*region).createGroup),
			"CreateSubnet":                   on(w, (*region).createSubnet),
			"CreateTags":                     on(w, (*region).createTags),
			"CreateVpc":                      on(w, (*region).createVpc),
			"DeleteLaunchTemplate":           on(w, (*region).deleteTemplate),
			"DeleteTags":                     on(w, (*region).deleteTags),
			"DescribeAvailabilityZones":      on(w, (*region).describeZones),
			"DescribeCapacityReservations":   on(w, (*region).describeReservations),
			"DescribeImages":                 on(w, (*region).describeImages),
			"DescribeInstanceAttribute":      on(w, (*region).describeAttribute),
			"DescribeInstances":              on(w, (*region).describeInstances),
			"DescribeInstanceStatus":         on(w, (*region).describeStatus),
			"DescribeInstanceTopology":       on(w, (*region).describeTopology),
			"DescribeInstanceTypeOfferings":  on(w, (*region).describeOfferings),
			"DescribeInstanceTypes":          on(w, (*region).describeTypes),
			"DescribeLaunchTemplates":        on(w, (*region).describeTemplates),
			"DescribeLaunchTemplateVersions": on(w, (*region).describeVersions),
			"DescribeNetworkInterfaces":      on(w, (*region).describeInterfaces),
			"DescribePlacementGroups":        on(w, (*region).describePlacements),
			"DescribeSecurityGroups":         on(w, (*region).describeGroups),
			"DescribeSpotPriceHistory":       on(w, (*region).describeSpotPrices),
			"DescribeSubnets":                on(w, (*region).describeSubnets),
			"DescribeTags":                   on(w, (*region).describeTags),
			"DescribeVolumes":                on(w, (*region).describeVolumes),
			"DescribeVpcs":                   on(w, (*region).describeVpcs),
			"GetConsoleOutput":               on(w, (*region).getConsole),
			"RebootInstances":                on(w, (*region).rebootInstances),
			"RunInstances":                   on(w, (*region).runInstances),
			"StopInstances":                  on(w, (*region).stopInstances),
			"TerminateInstances":             on(w, (*region).terminateInstances),
		},
	}
}
