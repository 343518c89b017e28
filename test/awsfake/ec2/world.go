package ec2

import (
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
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

// Profiles tells which instance profiles the account has. ok is false when there is none
// of that name; roleARN is empty when it has no role.
type Profiles interface {
	InstanceProfile(name string) (arn, id, roleARN string, ok bool)
}

// Parameters is where the makers of images publish their ids; SSM does.
type Parameters interface {
	SetPublic(region, name, value string)
	RemovePublic(region, name string)
}

// Around is what EC2 needs of the account's other services. They must not call the World back.
type Around struct {
	Profiles   Profiles
	Parameters Parameters
}

// World is the EC2 of one account, all regions. Its methods may be called at any time,
// beside requests.
type World struct {
	env    *wire.Env
	around Around

	mu      sync.Mutex
	delays  Delays
	regions map[string]*region
	onState func(StateChange)
}

// StateChange is a step in an instance's life, as EventBridge reports it.
type StateChange struct {
	Region, InstanceID, State string
	At                        time.Time
}

// New returns an EC2 without anything in it but what every account has: zones and types.
func New(env *wire.Env, around Around, delays Delays) *World {
	return &World{env: env, around: around, delays: delays, regions: map[string]*region{}}
}

// SetDelays changes how long things take from now on; what has begun keeps its times.
func (w *World) SetDelays(d Delays) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delays = d
}

// OnStateChange lets f hear of each step of each instance's life, in order. State moves when
// a call or Advance looks at it, so f may hear late. f must not call the World.
func (w *World) OnStateChange(f func(StateChange)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onState = f
}

// Advance brings all state up to the clock, as each call does for its region.
func (w *World) Advance() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.env.Clock.Now()
	for _, r := range w.regions {
		r.advance(now)
	}
}

// in returns a region, up to date. Only regions whose zones the catalogue knows exist.
// w.mu is held.
func (w *World) in(name string) (*region, error) {
	r, ok := w.regions[name]
	if !ok {
		zones := catalogue.Zones(name)
		if len(zones) == 0 {
			return nil, wire.Errorf("AuthFailure",
				"AWS was not able to validate the provided access credentials: the region %s is not modelled", name)
		}
		r = newRegion(w, name, zones)
		w.regions[name] = r
	}
	r.advance(w.env.Clock.Now())
	return r, nil
}

// on makes an action of a region's method. Calls run one after the other.
func on[In, Out any](w *World, do func(*region, *wire.Call, In) (Out, error)) wire.Action {
	return wire.Do(func(c *wire.Call, in In) (Out, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		r, err := w.in(c.Region)
		if err != nil {
			var none Out
			return none, err
		}
		return do(r, c, in)
	})
}

// with runs do on a region, for the parts of the World's API that tests call.
func with[Out any](w *World, name string, do func(*region) (Out, error)) (Out, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := w.in(name)
	if err != nil {
		var none Out
		return none, err
	}
	return do(r)
}
