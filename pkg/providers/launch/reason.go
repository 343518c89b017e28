package launch

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// cause is one row of the table of what EC2 refuses launches for. An error is a row's when
// its code begins with Code and its message contains Text: EC2 gives one code to several
// causes, and tells them apart in words only.
type cause struct {
	Code, Text      string
	Reason, Message string
}

// causes are tried in order; what a person can correct comes before what passes by itself.
// Reasons are the AWS provider's, since alerts compare them.
var causes = []cause{
	{codeNoSpotRole, "", "SpotSLRCreationFailed", "the account has no service-linked role for spot and this identity may not create it; create AWSServiceRoleForEC2Spot"},
	{"", "explicit deny in a permissions boundary", "Unauthorized", "a permissions boundary denies the launch"},
	{"", "explicit deny in a service control policy", "Unauthorized", "a service control policy denies the launch"},
	{"", "Not authorized for images", "AMIAuthorizationFailure", "the account may not use the image"},
	{"UnauthorizedOperation", "", "Unauthorized", "no IAM policy of the controller allows the launch"},
	{"AccessDenied", "", "Unauthorized", "no IAM policy of the controller allows the launch"},
	{"AuthFailure", "", "Unauthorized", "EC2 does not accept the controller's credentials for the launch"},
	{"InvalidParameter", "belong to different networks", "SecurityGroupSubnetVPCMismatch", "security groups and subnets are not in one VPC"},
	{"", "iamInstanceProfile.name is invalid", "InstanceProfileNameInvalid", "the instance profile does not exist"},
	{"InvalidLaunchTemplate", "", "LaunchTemplateNotFound", "the launch template does not exist"},
	{"", "User data is limited to", "UserDataSizeLimitExceeded", "user data is larger than EC2 takes"},
	{"InvalidAMIID.Malformed", "", "InvalidAMIID", "the image id is not one"},
	{"InvalidAMIID.NotFound", "", "AMINotFound", "the image does not exist, or the account may not see it"},
	{"RequestLimitExceeded", "", "RequestLimitExceeded", "EC2 throttles this account's calls"},
	{"InternalError", "", "InternalError", "EC2 failed internally"},
	{"", "not eligible for Free Tier", "FreeTierIneligible", "the instance type is not eligible for the free tier"},
	{"MaxFleetCountExceeded", "", "FleetQuotaExceeded", "the account's quota of fleets is used up"},
	{"PendingVerification", "", "AccountPendingVerification", "AWS is still verifying the account in this region"},
	{"MaxSpotInstanceCountExceeded", "", "SpotQuotaExceeded", "the account's quota of spot instances is used up"},
	{"VcpuLimitExceeded", "", "VCPULimitExceeded", "the account's quota of vCPUs is used up"},
	{codeNoAddresses, "", "InsufficientFreeAddressesInSubnet", "a subnet has too few free addresses"},
}

// reasonOther is for what no row describes.
const reasonOther, messageOther = "LaunchFailed", "EC2 refused the launch"

func (c cause) matches(code, message string) bool {
	return strings.HasPrefix(code, c.Code) && strings.Contains(message, c.Text)
}

// reasonOf returns what a condition says of refusals: of the first row that any of them is
// of, with the words of EC2 behind ours.
func reasonOf(refusals []refusal) (reason, message string) {
	for _, c := range causes {
		i := slices.IndexFunc(refusals, func(r refusal) bool { return c.matches(r.Code, r.Message) })
		if i >= 0 {
			return c.Reason, c.Message + " (" + refusals[i].Error() + ")"
		}
	}
	if len(refusals) > 0 {
		return reasonOther, messageOther + " (" + refusals[0].Error() + ")"
	}
	return reasonOther, messageOther
}

// refused says why EC2 refused, for a condition. err is kept as it is.
func refused(err error, refusals []refusal) error {
	reason, message := reasonOf(refusals)
	return &RefusedError{Reason: reason, Message: message, Err: err}
}

// refusedCall is refused for a call that EC2 refused as a whole. An error that is no answer
// of EC2's stays as it is.
func refusedCall(err error) error {
	if r := refusalOf(err); r.Code != "" {
		return refused(err, []refusal{r})
	}
	return err
}

// refusalOf is the code and message in EC2's answer; empty when err is none.
func refusalOf(err error) refusal {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return refusal{}
	}
	return refusal{Code: api.ErrorCode(), Message: api.ErrorMessage()}
}
