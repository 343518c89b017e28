package aws

import (
	"errors"
	"net"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind is what an error of AWS means to us. The zero Kind is an error that we do not know:
// it must stay retryable.
type Kind int

// The kinds that someone acts on.
const (
	Unknown        Kind = iota
	NotFound            // what was named does not exist
	AlreadyExists       // what was to be created does
	Unauthorized        // the caller may not do this; no retry helps until a person acts
	BadCredentials      // the caller is nobody
	Throttled           // too many calls; nothing was done
	NoCapacity          // EC2 cannot start this here now, or a quota forbids it; another pool may do
	DryRun              // the call would have succeeded
	TokenReused         // the client token belongs to a call with other parameters
)

// kinds is the one table of AWS's error codes. Codes that mean NoCapacity are also found
// in the errors list of a fleet that started nothing.
var kinds = map[string]Kind{
	"InvalidInstanceID.NotFound":                       NotFound,
	"InvalidLaunchTemplateName.NotFoundException":      NotFound,
	"InvalidLaunchTemplateId.NotFound":                 NotFound,
	"InvalidLaunchTemplateId.NotFoundException":        NotFound,
	"InvalidCapacityReservationId.NotFound":            NotFound,
	"InvalidAMIID.NotFound":                            NotFound,
	"NoSuchEntity":                                     NotFound,
	"ParameterNotFound":                                NotFound,
	"QueueDoesNotExist":                                NotFound,
	"AWS.SimpleQueueService.NonExistentQueue":          NotFound,
	"EntityAlreadyExists":                              AlreadyExists,
	"InvalidLaunchTemplateName.AlreadyExistsException": AlreadyExists,
	"ParameterAlreadyExists":                           AlreadyExists,

	"UnauthorizedOperation": Unauthorized,
	"AccessDenied":          Unauthorized,
	"AccessDeniedException": Unauthorized,

	"AuthFailure":                 BadCredentials,
	"InvalidClientTokenId":        BadCredentials,
	"UnrecognizedClientException": BadCredentials,
	"SignatureDoesNotMatch":       BadCredentials,
	"ExpiredToken":                BadCredentials,
	"ExpiredTokenException":       BadCredentials,
	"RequestExpired":              BadCredentials,
	"OptInRequired":               BadCredentials,

	"RequestLimitExceeded":                   Throttled,
	"Throttling":                             Throttled,
	"ThrottlingException":                    Throttled,
	"EC2ThrottledException":                  Throttled,
	"TooManyRequestsException":               Throttled,
	"ProvisionedThroughputExceededException": Throttled,
	"TooManyUpdates":                         Throttled,

	"InsufficientInstanceCapacity":                NoCapacity,
	"InsufficientHostCapacity":                    NoCapacity,
	"InsufficientReservedInstanceCapacity":        NoCapacity,
	"InsufficientCapacity":                        NoCapacity,
	"UnfulfillableCapacity":                       NoCapacity,
	"Unsupported":                                 NoCapacity,
	"SpotMaxPriceTooLow":                          NoCapacity,
	"MaxSpotInstanceCountExceeded":                NoCapacity,
	"VcpuLimitExceeded":                           NoCapacity,
	"MaxFleetCountExceeded":                       NoCapacity,
	"InsufficientFreeAddressesInSubnet":           NoCapacity,
	"ReservationCapacityExceeded":                 NoCapacity,
	"InvalidCapacityReservationState.Unavailable": NoCapacity,

	"DryRunOperation":             DryRun,
	"IdempotentParameterMismatch": TokenReused,
}

// Code returns the code that AWS gave err, or "" when err is no answer of AWS.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// KindOf returns what err means; Unknown for nil and for everything not in the table.
func KindOf(err error) Kind { return kinds[Code(err)] }

// KindOfCode is KindOf for a code that AWS gave inside an answer.
func KindOfCode(code string) Kind { return kinds[code] }

// IsNotFound reports whether AWS says that what was named does not exist.
func IsNotFound(err error) bool { return KindOf(err) == NotFound }

// IsAlreadyExists reports whether AWS says that what was to be created exists.
func IsAlreadyExists(err error) bool { return KindOf(err) == AlreadyExists }

// IsUnauthorized reports whether AWS says that the caller may not do this.
func IsUnauthorized(err error) bool { return KindOf(err) == Unauthorized }

// IsThrottled reports whether AWS says that calls come too fast.
func IsThrottled(err error) bool { return KindOf(err) == Throttled }

// IsDryRun reports whether AWS says that a dry-run call would have succeeded.
func IsDryRun(err error) bool { return KindOf(err) == DryRun }

// IsServerFault reports whether AWS failed to process the call by its own fault.
func IsServerFault(err error) bool {
	var answered *smithyhttp.ResponseError
	return errors.As(err, &answered) && answered.HTTPStatusCode() >= http.StatusInternalServerError
}

// OutcomeUnknown reports whether the call that err came from may have taken effect: the
// answer was lost, AWS failed while it processed the call, or it knows the client token
// from a call with other parameters. A refusal is a known outcome: nothing was done.
func OutcomeUnknown(err error) bool {
	if err == nil {
		return false
	}
	if KindOf(err) == TokenReused {
		return true
	}
	if KindOf(err) == Throttled {
		return false // EC2 throttles with 503, before it does anything
	}
	return !neverSent(err) && (Code(err) == "" || IsServerFault(err))
}

// neverSent reports whether no connection was made on which the call could have left.
func neverSent(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial"
}
