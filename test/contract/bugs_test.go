package contract_test

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
)

// plant is a bug, and the contract that it must break. Its name is what the endpoint does wrong.
type plant struct {
	name, breaks string
	bug
}

func planted() []plant { return slices.Concat(fleetBugs(), instanceBugs(), factBugs(), accountBugs()) }

func fleetBugs() []plant {
	return []plant{
		{
			"CreateFleet forgets its client token",
			"a fleet with a token used before launches nothing and answers the same",
			bug{action: "CreateFleet", ask: without(`^ClientToken$`)},
		},
		{
			"CreateFleet launches on a dry run",
			"a dry run of CreateFleet launches nothing", bug{action: "CreateFleet", ask: without(`^DryRun$`)},
		},
		{
			"CreateFleet launches one too many",
			"an instant fleet launches as many as it is told to",
			bug{action: "CreateFleet", ask: setting(`^TargetCapacitySpecification\.TotalTargetCapacity$`, "4")},
		},
		{
			"CreateFleet tags no volume",
			"a fleet's volumes bear its tags", bug{action: "CreateFleet", ask: without(`^TagSpecification\.2\.`)},
		},
		{
			"CreateFleet looks at the first override only",
			"lowest-price takes the cheapest pool, wherever it is listed",
			bug{action: "CreateFleet", ask: without(`\.Overrides\.([2-9]|\d\d+)\.`)},
		},
		{
			"CreateFleet does not say what failed",
			"a pool that cannot start is among the errors, and another serves",
			bug{action: "CreateFleet", answer: replacing(`(?s)<errorSet>.*</errorSet>`, "<errorSet/>")},
		},
		{
			"CreateFleet leaves the product's tags off instances",
			"a restarted product adopts what was launched before", bug{action: "CreateFleet", ask: without(`^TagSpecification\.1\.`)},
		},
	}
}

func instanceBugs() []plant {
	return []plant{
		{
			"CreateLaunchTemplate loses security groups",
			"a fleet's instances have the template's security groups",
			bug{action: "CreateLaunchTemplate", ask: without(`\.SecurityGroupId\.`)},
		},
		{
			"CreateLaunchTemplate alters user data",
			"a template's version has the user data byte for byte",
			bug{action: "CreateLaunchTemplate", ask: setting(`\.UserData$`, "IyEvYmluL3NoCg==")},
		},
		{
			"DeleteLaunchTemplate deletes nothing",
			"the product deletes the templates of a class",
			bug{action: "DeleteLaunchTemplate", instead: "DescribeLaunchTemplates", ask: without(`^LaunchTemplate`)},
		},
		{
			"DescribeLaunchTemplates has its own word for what is not there",
			"a deleted template is unknown by its name",
			bug{action: "DescribeLaunchTemplates", answer: replacing(`InvalidLaunchTemplateName\.NotFoundException`, "InvalidParameterValue")},
		},
		{
			"DescribeInstances looks at the first filter only",
			"instances are found by filters, all of which must match", bug{action: "DescribeInstances", ask: without(`^Filter\.([2-9]|\d\d+)\.`)},
		},
		{
			"DescribeInstances loses the pages after the first",
			"instances come in pages", bug{action: "DescribeInstances", answer: replacing(`<nextToken>.*</nextToken>`, "")},
		},
		{
			"TerminateInstances only stops",
			"a terminated instance is described as terminated", bug{action: "TerminateInstances", instead: "StopInstances"},
		},
		{
			"TerminateInstances ends the last only",
			"terminating several instances ends all", bug{action: "TerminateInstances", ask: without(`^InstanceId\.1$`)},
		},
	}
}

func factBugs() []plant {
	return []plant{
		{
			"CreateTags drops values",
			"a tag is replaced by a later one of its key", bug{action: "CreateTags", ask: setting(`^Tag\.2\.Value$`, "")},
		},
		{
			"CreateSubnet puts all subnets into one zone",
			"subnets are found by filters, all of which must match",
			bug{action: "CreateSubnet", ask: setting(`^AvailabilityZone$`, awsfake.DefaultRegion+"a")},
		},
		{
			"DescribeSubnets takes a star literally",
			"a filter's star matches any text", bug{action: "DescribeSubnets", ask: replacing(`%2A|\*`, "%5C%2A")},
		},
		{
			"DescribeInstanceTypes reports half of the memory",
			"the product knows what a type has and where it is",
			bug{action: "DescribeInstanceTypes", answer: replacing(`<sizeInMiB>8192</sizeInMiB>`, "<sizeInMiB>4096</sizeInMiB>")},
		},
		{
			"DescribeSpotPriceHistory has one price for everything",
			"the product knows spot prices by type and zone",
			bug{action: "DescribeSpotPriceHistory", answer: replacing(`<spotPrice>[^<]*</spotPrice>`, "<spotPrice>0.00001</spotPrice>")},
		},
	}
}

func accountBugs() []plant {
	return []plant{
		{
			"AddRoleToInstanceProfile adds nothing",
			"the product makes an instance profile, changes its role and deletes it",
			bug{action: "AddRoleToInstanceProfile", instead: "GetInstanceProfile", ask: without(`^RoleName$`)},
		},
		{
			"ListInstanceProfiles ignores the path",
			"instance profiles are listed by path", bug{action: "ListInstanceProfiles", ask: without(`^PathPrefix$`)},
		},
		{
			"PutParameter overwrites unasked",
			"a parameter is replaced only when told to", bug{action: "PutParameter", ask: func(body string) string {
				return replacing(`^\{`, `{"Overwrite":true,`)(replacing(`"Tags":\[[^]]*\],`, "")(body))
			}},
		},
		{
			"GetParameter decrypts unasked",
			"a secure parameter is readable with decryption only", bug{action: "GetParameter", ask: replacing(`^\{`, `{"WithDecryption":true,`)},
		},
		{
			"DeleteMessage only hides",
			"a deleted message is gone",
			bug{action: "DeleteMessage", instead: "ChangeMessageVisibility", ask: replacing(`^\{`, `{"VisibilityTimeout":60,`)},
		},
	}
}

// TestBugsAreNoticed runs for each bug the contract that must break, on awsfake without
// the bug and with it.
func TestBugsAreNoticed(t *testing.T) {
	byName := lo.KeyBy(contracts(), func(c contract) string { return c.name })
	healthy := open(t, awsfake.Start(t).URL, soon)
	for _, tc := range planted() {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			c, ok := byName[tc.breaks]
			g.Expect(ok).To(BeTrue(), "there is no contract %q", tc.breaks)
			g.Expect(c.check(t.Context(), healthy)).To(Succeed(), "without the bug")
			g.Expect(c.check(t.Context(), open(t, mutant(t, tc.bug), soon))).NotTo(Succeed(), "with the bug")
		})
	}
	NewWithT(t).Expect(len(planted())).To(BeNumerically(">=", 10))
}
