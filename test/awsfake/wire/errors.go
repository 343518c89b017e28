package wire

import (
	"fmt"
	"net/http"
)

// Error is an answer of AWS that reports failure.
type Error struct {
	Code    string // as AWS writes it, for example "InvalidInstanceID.NotFound"
	Message string
	Status  int // HTTP; 0 means 400

	// QueryCode is the code that a service which once spoke the query protocol (SQS) still
	// sends in the header x-amzn-query-error, for example "AWS.SimpleQueueService.NonExistentQueue".
	QueryCode string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// Errorf returns a client error (HTTP 400) with code and a formatted message.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// DryRun is EC2's answer to a call with DryRun set that would have succeeded.
func DryRun() *Error {
	return &Error{
		Code: "DryRunOperation", Status: http.StatusPreconditionFailed,
		Message: "Request would have succeeded, but DryRun flag is set.",
	}
}

// internal is the answer to a fault of the pretender itself.
func internal(err error) *Error {
	return &Error{Code: "InternalError", Message: err.Error(), Status: http.StatusInternalServerError}
}
