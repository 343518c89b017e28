package ec2

import (
	"encoding/base64"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type instanceIDsInput struct {
	DryRun         bool
	Force          bool
	InstanceID     []string `param:"InstanceId,required"`
	SkipOSShutdown bool     `param:"SkipOsShutdown"`
}

type stateChangeItem struct {
	InstanceID string    `xml:"instanceId"`
	Current    stateItem `xml:"currentState"`
	Previous   stateItem `xml:"previousState"`
}

type stateChangeOutput struct {
	Items []stateChangeItem `xml:"instancesSet>item"`
}

// permitted finds all of ids and asks for this call's permission on each.
func (r *region) permitted(c *wire.Call, dryRun bool, ids []string) ([]*instance, error) {
	found, err := r.visibleInstances(ids, nil)
	if err != nil {
		return nil, err
	}
	var asked []wire.Resource
	for _, i := range found {
		asked = append(asked, r.existing("instance", i.ID, i.Tags))
	}
	return found, permit(c, dryRun, asked...)
}

// terminateInstances ends all or, when one cannot be, none.
func (r *region) terminateInstances(c *wire.Call, in instanceIDsInput) (*stateChangeOutput, error) {
	found, err := r.permitted(c, in.DryRun, in.InstanceID)
	if err != nil {
		return nil, err
	}
	for _, i := range found {
		if deref(i.plan.data.DisableAPITermination) {
			return nil, wire.Errorf("OperationNotPermitted",
				"The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
		}
	}
	return r.change(found, func(i *instance) { r.terminate(i, userInitiated("User initiated", r.now())) }), nil
}

func (r *region) stopInstances(c *wire.Call, in instanceIDsInput) (*stateChangeOutput, error) {
	found, err := r.permitted(c, in.DryRun, in.InstanceID)
	if err != nil {
		return nil, err
	}
	for _, i := range found {
		if i.gone() || i.state == Pending {
			return nil, wire.Errorf("IncorrectInstanceState",
				"This instance '%s' is not in a state from which it can be stopped.", i.ID)
		}
		if i.plan.pool.CapacityType == Spot {
			return nil, wire.Errorf("UnsupportedOperation",
				"You can't stop the Spot Instance '%s' because it is associated with a one-time Spot Instance request.", i.ID)
		}
	}
	return r.change(found, r.stop), nil
}

func (r *region) change(found []*instance, do func(*instance)) *stateChangeOutput {
	out := &stateChangeOutput{}
	for _, i := range found {
		before := i.state
		do(i)
		out.Items = append(out.Items, stateChangeItem{InstanceID: i.ID, Current: newState(i.state), Previous: newState(before)})
	}
	return out
}

type rebootInput struct {
	DryRun     bool
	InstanceID []string `param:"InstanceId,required"`
}

func (r *region) rebootInstances(c *wire.Call, in rebootInput) (*done, error) {
	found, err := r.permitted(c, in.DryRun, in.InstanceID)
	if err != nil {
		return nil, err
	}
	for _, i := range found {
		if i.state != Running && i.state != Pending {
			return nil, wire.Errorf("IncorrectState", "The instance %s is not in a state from which it can be rebooted.", i.ID)
		}
	}
	for _, i := range found {
		i.lastBoot = r.now()
		r.touch(i)
	}
	return &done{true}, nil
}

type consoleInput struct {
	DryRun     bool
	InstanceID string `param:"InstanceId,required"`
	Latest     bool
}

type consoleOutput struct {
	InstanceID string `xml:"instanceId"`
	Timestamp  string `xml:"timestamp"`
	Output     string `xml:"output,omitempty"`
}

// getConsole answers at most the last 64 KiB. Like EC2 it takes Latest only on Nitro types.
func (r *region) getConsole(c *wire.Call, in consoleInput) (*consoleOutput, error) {
	found, err := r.visibleInstances([]string{in.InstanceID}, nil)
	if err != nil {
		return nil, err
	}
	i := found[0]
	if err := permit(c, in.DryRun, r.existing("instance", i.ID, i.Tags)); err != nil {
		return nil, err
	}
	if in.Latest && i.plan.kind.Hypervisor == "xen" {
		return nil, wire.Errorf("UnsupportedOperation", "This instance type does not support retrieving the latest console logs.")
	}
	at := i.consoleAt
	if at.IsZero() {
		at = i.launched
	}
	return &consoleOutput{InstanceID: i.ID, Timestamp: stamp(at), Output: base64.StdEncoding.EncodeToString(i.console)}, nil
}

// maxConsole is how much of a console EC2 keeps.
const maxConsole = 64 << 10

// SetConsoleOutput is what an instance has written to its console so far.
func (w *World) SetConsoleOutput(regionName, id string, text []byte) error {
	return w.edit(regionName, id, func(i *instance) {
		i.console = append([]byte(nil), text[max(0, len(text)-maxConsole):]...)
		i.consoleAt = w.env.Clock.Now()
	})
}

// Terminate ends an instance as if its owner had, by hand. Stop likewise.
func (w *World) Terminate(regionName, id string) error {
	return w.act(regionName, id, func(r *region, i *instance) { r.terminate(i, userInitiated("User initiated", r.now())) })
}

// Stop halts an instance as if its owner had.
func (w *World) Stop(regionName, id string) error {
	return w.act(regionName, id, func(r *region, i *instance) { r.stop(i) })
}

// Reclaim ends a spot instance as EC2 does when it needs the capacity back.
func (w *World) Reclaim(regionName, id string) error {
	return w.act(regionName, id, func(r *region, i *instance) {
		r.terminate(i, stateReason{
			code:    "Server.SpotInstanceTermination",
			message: "Server.SpotInstanceTermination: Instance terminated due to a Spot interruption", text: "Server.SpotInstanceTermination",
		})
	})
}

func (w *World) act(regionName, id string, do func(*region, *instance)) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		i, ok := r.instances.get(id)
		if !ok {
			return struct{}{}, notFound("i", id)
		}
		do(r, i)
		return struct{}{}, nil
	})
	return err
}
