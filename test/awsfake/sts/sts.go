package sts

import (
	"regexp"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Directory knows whom access keys belong to.
type Directory interface {
	// ARN is the principal of an access key, never empty.
	ARN(accessKey string) string
	// Assume makes accessKey act as the session of a role, whose ARN it returns.
	Assume(accessKey, roleARN, session string) string
}

// World is the STS of one account.
type World struct {
	env       *wire.Env
	directory Directory
}

// New returns an STS that asks directory.
func New(env *wire.Env, directory Directory) *World {
	return &World{env: env, directory: directory}
}

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "sts", Protocol: wire.Query, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Actions: map[string]wire.Action{
			"GetCallerIdentity": wire.Do(w.getCallerIdentity),
			"AssumeRole":        wire.Do(w.assumeRole),
		},
	}
}

type identityInput struct{}

type identityOutput struct {
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

func (w *World) getCallerIdentity(c *wire.Call, _ identityInput) (*identityOutput, error) {
	_ = c.Authorize() // AWS answers this even to a principal whose policies deny it
	arn := w.directory.ARN(c.AccessKey)
	return &identityOutput{Arn: arn, UserID: "AIDA" + strings.TrimPrefix(c.AccessKey, "AKIA"), Account: w.env.Account}, nil
}

type assumeInput struct {
	RoleArn         string `param:",required"`
	RoleSessionName string `param:",required"`
	DurationSeconds *int64
}

type assumeOutput struct {
	Credentials      credentials
	AssumedRoleUser  assumedRole
	PackedPolicySize *int `xml:",omitempty"`
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

type assumedRole struct {
	Arn           string
	AssumedRoleID string `xml:"AssumedRoleId"`
}

var (
	roleForm    = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)
	sessionForm = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

func (w *World) assumeRole(c *wire.Call, in assumeInput) (*assumeOutput, error) {
	if !roleForm.MatchString(in.RoleArn) {
		return nil, wire.Errorf("ValidationError", "%s is invalid", in.RoleArn)
	}
	if !sessionForm.MatchString(in.RoleSessionName) {
		return nil, wire.Errorf("ValidationError", "Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must have 2 to 64 of the characters [\\w+=,.@-]", in.RoleSessionName)
	}
	seconds := int64(3600)
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	if seconds < 900 || seconds > 43200 {
		return nil, wire.Errorf("ValidationError", "The requested DurationSeconds is not from 900 to 43200.")
	}
	if err := c.Authorize(wire.Resource{ARN: in.RoleArn}); err != nil {
		return nil, err
	}
	key := strings.ToUpper(strings.Replace(w.env.ID("ASIA"), "-", "", 1))
	arn := w.directory.Assume(key, in.RoleArn, in.RoleSessionName)
	return &assumeOutput{
		Credentials: credentials{
			AccessKeyID: key, SecretAccessKey: w.env.UUID(), SessionToken: w.env.UUID(),
			Expiration: c.Time.Add(time.Duration(seconds) * time.Second).UTC(),
		},
		AssumedRoleUser: assumedRole{Arn: arn, AssumedRoleID: w.env.ID("AROA") + ":" + in.RoleSessionName},
	}, nil
}
