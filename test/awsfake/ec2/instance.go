package ec2

import (
	"net/netip"
	"time"
)

// The states of an instance.
const (
	Pending      = "pending"
	Running      = "running"
	ShuttingDown = "shutting-down"
	Terminated   = "terminated"
	Stopping     = "stopping"
	Stopped      = "stopped"
)

// rememberTerminated is how long EC2 shows a terminated instance.
const rememberTerminated = time.Hour

// instance is one virtual machine.
type instance struct {
	base
	plan        *plan
	state       string
	reason      stateReason
	launched    time.Time
	visibleAt   time.Time
	lastBoot    time.Time
	changed     uint64 // the region's count of changes when state or lastBoot changed last
	reservation string // r-..., shared by all of one launch
	index       int    // in that launch
	clientToken string
	fleetID     string
	spotRequest string
	reserved    *reservation // whose capacity it uses

	addr       netip.Addr
	publicAddr netip.Addr
	interfaces []*networkInterface
	volumes    []*volume
	console    []byte
	consoleAt  time.Time
	health     string // status of both checks: "ok" unless a test says otherwise
	scheduled  []ScheduledEvent
}

type stateReason struct {
	code, message, text string
}

func (i *instance) visible(now time.Time) bool { return !i.visibleAt.After(now) }

// gone reports whether it is on its way out for good.
func (i *instance) gone() bool { return i.state == ShuttingDown || i.state == Terminated }

func stateCode(state string) int {
	return map[string]int{Pending: 0, Running: 16, ShuttingDown: 32, Terminated: 48, Stopping: 64, Stopped: 80}[state]
}

// lifecycle is empty for on-demand, as in EC2's answers.
func (i *instance) lifecycle() string {
	if i.plan.pool.CapacityType == OnDemand {
		return ""
	}
	return i.plan.pool.CapacityType
}

// enter moves an instance to a state and tells who listens.
func (r *region) enter(i *instance, state string, at time.Time) {
	i.state = state
	r.touch(i)
	if r.w.onState != nil {
		r.w.onState(StateChange{Region: r.name, InstanceID: i.ID, State: state, At: at})
	}
}

// touch notes that a hypervisor has something to do for i.
func (r *region) touch(i *instance) {
	r.changes++
	i.changed = r.changes
}

// Change is what a hypervisor must know of an instance that changed.
type Change struct {
	ID, State string
	LastBoot  time.Time // as in Instance
}

// Changes returns the instances of a region that changed their state or were told to boot
// after the moment since, oldest first, and the present moment; 0 is before everything.
func (w *World) Changes(regionName string, since uint64) (changes []Change, now uint64, err error) {
	now, err = with(w, regionName, func(r *region) (uint64, error) {
		if r.changes == since {
			return since, nil
		}
		for _, i := range r.instances.order {
			if i.changed > since {
				changes = append(changes, Change{i.ID, i.state, i.lastBoot})
			}
		}
		return r.changes, nil
	})
	return changes, now, err
}

// begin makes the instance pending, and running when its time has come.
func (r *region) begin(i *instance, now time.Time) {
	i.lastBoot = now
	r.enter(i, Pending, now)
	r.at(now.Add(r.w.delays.Pending), func(at time.Time) {
		if i.state == Pending {
			r.enter(i, Running, at)
		}
	})
}

// terminate ends an instance: shutting down now, terminated and then forgotten later.
func (r *region) terminate(i *instance, reason stateReason) {
	if i.gone() {
		return
	}
	now := r.now()
	i.reason = reason
	r.enter(i, ShuttingDown, now)
	r.at(now.Add(r.w.delays.ShuttingDown), func(at time.Time) {
		r.release(i)
		r.enter(i, Terminated, at)
		r.at(at.Add(rememberTerminated), func(time.Time) { r.instances.remove(i.ID) })
	})
}

// release gives back what an instance held.
func (r *region) release(i *instance) {
	if i.reserved != nil {
		i.reserved.used--
	} else {
		r.giveBack(i.plan.pool, int(i.plan.kind.VCPUs))
	}
	if g := i.plan.placement; g != nil {
		g.members[i.plan.zone.Name]--
	}
	for _, n := range i.interfaces {
		for _, addr := range n.addrs {
			n.subnet.addresses.give(addr)
		}
		r.interfaces.remove(n.ID)
	}
	for _, v := range i.volumes {
		v.instance = nil
		if v.deleteOnTermination {
			r.volumes.remove(v.ID)
		}
	}
	i.interfaces, i.volumes = nil, nil
}

// stop halts an instance, which keeps its disks and addresses.
func (r *region) stop(i *instance) {
	if i.state == Stopping || i.state == Stopped {
		return
	}
	now := r.now()
	i.reason = userInitiated("User initiated", now)
	r.enter(i, Stopping, now)
	r.at(now.Add(r.w.delays.Stopping), func(at time.Time) {
		if i.state == Stopping {
			r.enter(i, Stopped, at)
		}
	})
}

func userInitiated(text string, at time.Time) stateReason {
	return stateReason{
		code: "Client.UserInitiatedShutdown", message: "Client.UserInitiatedShutdown: User initiated shutdown",
		text: text + " (" + at.UTC().Format("2006-01-02 15:04:05 GMT") + ")",
	}
}

// networkInterface is one of an instance's.
type networkInterface struct {
	base
	instance    *instance
	attachment  string
	subnet      *subnet
	groups      []*securityGroup
	addrs       []netip.Addr // the primary first
	kind        string       // "interface", "efa", "efa-only"
	description string
	card, index int32
	deleted     bool // DeleteOnTermination; here an interface always goes with its instance
	attached    time.Time
	tracking    *connectionTracking
}

// volume is an EBS volume.
type volume struct {
	base
	instance            *instance // nil when not attached
	device              string
	zone, zoneID        string
	sizeGiB             int32
	kind                string
	iops, throughput    int32
	encrypted           bool
	kmsKey, snapshot    string
	created             time.Time
	deleteOnTermination bool
}
