package contract_test

import "slices"

// differences are all that are allowed. moto is its server 5.2, localstack LocalStack 4.14,
// whose EC2 and IAM are moto's of its day.
func differences() []difference {
	both := []string{"moto", "localstack"}
	return slices.Concat(
		networkDifferences(both), imageDifferences(both), templateDifferences(both), fleetDifferences(both), fleetAnswerDifferences(both),
		instanceDifferences(both), otherDifferences(both), onlyLocalStack([]string{"localstack"}),
	)
}

const (
	ec2API   = "AWSEC2/latest/APIReference/"
	ec2Guide = "AWSEC2/latest/UserGuide/"
	ec2Codes = ec2API + "errors-overview.html"
)

func networkDifferences(by []string) []difference {
	return []difference{
		{"a dry run makes no VPC", by, "1", ec2API + "API_CreateVpc.html", "no error"},
		{"subnets come in pages", by, "2", ec2API + "API_DescribeSubnets.html", "[7]"},
		{"a zone names its group", by, "3", ec2API + "API_AvailabilityZone.html", "the group of zone"},
		{"tagging an absent instance is InvalidInstanceID.NotFound", by, "4", ec2Codes, "no error"},
		{"a tag of AWS's own prefix is refused", by, "5", ec2Guide + "Using_Tags.html", "no error"},
	}
}

func imageDifferences(by []string) []difference {
	return []difference{
		{"Canonical publishes a parameter for Ubuntu", by, "6", "systems-manager/latest/userguide/parameter-store-public-parameters.html", "ParameterNotFound"},
		{
			"the product finds Canonical's image for an Ubuntu class", by, "6",
			"systems-manager/latest/userguide/parameter-store-public-parameters.html", "there is no SSM parameter /aws/service/canonical",
		},
		{"an image says when it was made", by, "7", ec2API + "API_Image.html", "time.Duration"},
		{"images come in pages", by, "8", ec2API + "API_DescribeImages.html", "to be <="},
		{"types come in pages", by, "9", ec2API + "API_DescribeInstanceTypes.html", "to have length 5"},
		{"a dry run of DescribeInstanceTypes says so", by, "9", ec2API + "API_DescribeInstanceTypes.html", "no error"},
		{"a larger type costs more on spot", by, "10", ec2API + "API_SpotPrice.html", "1e-05"},
		{"spot prices are of this hour", by, "10", ec2API + "API_SpotPrice.html", "2006-01-02"},
		{"the product knows spot prices by type and zone", by, "10", ec2API + "API_SpotPrice.html", "the larger type's price"},
		{"the price list has a type's on-demand price", by, "11", "aws-cost-management/latest/APIReference/API_pricing_GetProducts.html", "operation error Pricing"},
		{"the product renews on-demand prices", by, "11", "aws-cost-management/latest/APIReference/API_pricing_GetProducts.html", "operation error Pricing"},
	}
}

func templateDifferences(by []string) []difference {
	return []difference{
		{"a template's version has the tags of what it launches", by, "12", ec2API + "API_CreateLaunchTemplate.html", `"launch-template"`},
		{"a template made with a token used before is the first one", by, "13", ec2API + "API_CreateLaunchTemplate.html", "AlreadyExistsException"},
		{"a template with more than 16 KiB of user data is refused", by, "14", ec2Guide + "user-data.html", "16,385 bytes of user data"},
		{"a deleted template is unknown by its id", by, "15", ec2Codes, "no error"},
		{"launch templates come in pages", by, "16", ec2API + "API_DescribeLaunchTemplates.html", "to have length 5"},
	}
}

func fleetDifferences(by []string) []difference {
	const data = ec2API + "API_RequestLaunchTemplateData.html"
	const groups = ec2API + "API_LaunchTemplateInstanceNetworkInterfaceSpecificationRequest.html"
	return []difference{
		{"a fleet's volumes bear its tags", by, "17", ec2Guide + "tag-ec2-fleet.html", "the volume's tags"},
		{"a fleet's instances have the template's security groups", by, "18", groups, "the instance's security groups"},
		{"an instance's interface has its address and its groups", by, "18", groups, "the interface's security groups"},
		{"RunInstances starts what the template says", by, "18", groups, "the instance's security groups"},
		{"the product's instances have the class's security groups", by, "18", groups, "what drift compares"},
		{"a fleet's instances have the template's instance profile", by, "19", data, "the instance's profile"},
		{"a fleet's instances have the template's volume", by, "19", data, "the volume's size"},
		{"a fleet's instances have the template's metadata options", by, "19", data, "the instance's metadata options"},
		{"a fleet's instances are named for their address and region", by, "20", ec2Guide + "hostname-types.html", ".ec2.internal"},
		{"a spot fleet launches spot instances", by, "22", ec2API + "API_Instance.html", "the spot request"},
		{"lowest-price takes the cheapest pool, wherever it is listed", by, "23", ec2Guide + "ec2-fleet-allocation-strategy.html", "the cheaper type"},
		{"prioritized takes the pool of the lowest number", by, "23", ec2Guide + "ec2-fleet-allocation-strategy.html", "the type of priority 1"},
	}
}

func fleetAnswerDifferences(by []string) []difference {
	const failed, idempotency = ec2API + "API_CreateFleetError.html", "ec2/latest/devguide/ec2-api-idempotency.html"
	return []difference{
		{"a fleet's answer has one item for a pool, with all its ids", by, "24", ec2API + "API_CreateFleetInstance.html", "one item for one pool"},
		{"a fleet with a token used before launches nothing and answers the same", by, "25", idempotency, "instances of two calls with one token"},
		{"a token used before with other parameters is refused", by, "25", idempotency, "no error"},
		{"RunInstances with a token used before starts nothing", by, "25", idempotency, "instances of two calls with one token"},
		{"a pool that cannot start is among the errors, and another serves", by, "26", failed, "the type that can start"},
		{"a type that the image does not run on is among the errors", by, "26", failed, "instances of pools that must be refused"},
		{"a subnet without addresses is among the errors, and what fits is launched", by, "27", failed, "StatusCode: 500"},
		{"the product tells that no pool can start", by, "27", failed, "a launch into a full subnet"},
		{"an unknown subnet is among the errors", by, "28", failed, "a call whose pools are refused"},
		{"an unknown instance profile is among the errors", by, "29", ec2API + "API_LaunchTemplateIamInstanceProfileSpecificationRequest.html", "instances of pools that must be refused"},
		{
			"the product's dry run finds that the profile is missing", by, "29",
			ec2API + "API_LaunchTemplateIamInstanceProfileSpecificationRequest.html", "a dry run with an absent profile",
		},
	}
}

func instanceDifferences(by []string) []difference {
	return []difference{
		{"what is no instance id is InvalidInstanceID.Malformed", by, "30", ec2Codes, "InvalidInstanceID.NotFound"},
		{"an unknown image is refused by RunInstances", by, "31", ec2Codes, "no error"},
		{"capacity reservations are listed, none", by, "32", ec2API + "API_DescribeCapacityReservations.html", "StatusCode: 50"},
		{"placement groups are listed, none", by, "33", ec2API + "API_DescribePlacementGroups.html", "StatusCode: 50"},
		{"a terminated instance keeps its tags, and no address", by, "34", ec2Guide + "using-instance-addressing.html", "the address of a terminated instance"},
		{"termination gives the subnet its address back", by, "34", ec2Guide + "using-instance-addressing.html", "free addresses after the end"},
		{"a terminated instance cannot be rebooted", by, "35", ec2Codes, "rebooting what is terminated"},
	}
}

func otherDifferences(by []string) []difference {
	return []difference{
		{"instance profiles are listed by path", by, "36", "IAM/latest/APIReference/API_ListInstanceProfiles.html", "to consist of"},
	}
}

func onlyLocalStack(by []string) []difference {
	return []difference{
		{"instances are found by filters, all of which must match", by, "37", ec2API + "API_DescribeInstances.html", "by availability-zone"},
		{"unknown parameters are named beside those that are known", by, "21", "systems-manager/latest/APIReference/API_GetParameters.html", "absent"},
	}
}
