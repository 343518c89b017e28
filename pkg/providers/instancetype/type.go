package instancetype

// Type is what EC2 says of an instance type. It is read-only. A number that EC2 does not
// state is 0, a text it does not state is empty.
type Type struct {
	Name         string
	Architecture string   // amd64 or arm64, in Kubernetes' words
	Zones        []string // of the region that have it, sorted
	// CapacityTypes are those of on-demand and spot that it can be had as, sorted.
	CapacityTypes []string
	VCPUs         int64
	MemoryMiB     int64
	Hypervisor    string // nitro or xen; empty on bare metal
	BareMetal     bool
	Enclaves      bool // takes Nitro Enclaves

	CPU     CPU
	Network Network
	EBS     EBS
	Disks   Disks

	GPUs         []Device
	Accelerators []Device // for inference, other than Neuron devices
	Neuron       []Device
}

// CPU is a type's processor.
type CPU struct {
	Manufacturer         string
	ClockMHz             int64 // sustained
	NestedVirtualization bool
}

// Network is what a type can do on the network.
type Network struct {
	Cards               []Card
	DefaultCard         int32 // index
	IPv4PerInterface    int64 // the primary address included
	BandwidthMbps       int64 // baseline, all cards together
	EncryptionInTransit bool
	ENA                 bool
	EFAs                int64
}

// Card is one network card.
type Card struct {
	Index      int32
	Interfaces int64
}

// EBS is what a type can do with volumes.
type EBS struct {
	BandwidthMbps int64 // maximum; 0 where EBS optimisation is not the default
	Attachments   int64 // volumes
	// Dedicated: Attachments counts volumes alone, not network interfaces and disks too.
	Dedicated bool
}

// Disks are a type's local ones, the instance store.
type Disks struct {
	Count   int64
	TotalGB int64
	NVMe    bool
}

// Device is one kind of accelerator.
type Device struct {
	Name, Manufacturer string
	Count              int64
	MemoryMiB          int64 // of each
	Cores              int64 // of each
}

// interfaces returns how many the default card takes.
func (n Network) interfaces() int64 {
	card, _ := n.card(n.DefaultCard)
	return card.Interfaces
}

func (n Network) card(index int32) (Card, bool) {
	for _, card := range n.Cards {
		if card.Index == index {
			return card, true
		}
	}
	return Card{}, false
}

// nitro reports whether EBS volumes, network interfaces and disks share one limit.
func (t Type) nitro() bool { return t.BareMetal || t.Hypervisor == "nitro" }

func count(devices []Device, manufacturer string) int64 {
	total := int64(0)
	for _, d := range devices {
		if d.Manufacturer == manufacturer {
			total += d.Count
		}
	}
	return total
}
