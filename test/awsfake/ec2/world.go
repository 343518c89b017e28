package ec2

import (
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Delays are how long EC2 takes. Zero is at once.
type Delays struct {
	Pending      time.Duration // from launch to running
	ShuttingDown time.Duration // from TerminateInstances to terminated
	Stopping     time.Duration // from StopInstances to stopped
	// Visible is how long a new instance is unknown to all calls but the one that made it.
	Visible time.Duration
	// TemplateVisible is the same for launch templates.
	TemplateVisible time.Duration
}

// World is the EC2 of one account, all regions.
type World struct {
	env *wire.Env

	mu     sync.Mutex
	delays Delays
}

// New returns an EC2 without anything in it.
func New(env *wire.Env, delays Delays) *World {
	return &World{env: env, delays: delays}
}

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "ec2", Protocol: wire.EC2, Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		Actions: map[string]wire.Action{},
	}
}
