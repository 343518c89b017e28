package catalogue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// header is the line of column names that tools/gen writes.
const header = "type\tcurrent\tarch\tvcpu\tmemory_gib\tprocessor\tghz\tburstable\tbare_metal\thypervisor\t" +
	"max_enis\tipv4_per_eni\tcards\tnetwork\tbandwidth_mbps\tebs_optimized\tebs_baseline_mbps\tebs_max_mbps\t" +
	"ebs_max_iops\tdisks\taccelerators\tzones"

// parse decodes the generated file.
func parse(tsv string) (table, error) {
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	if len(lines) < 4 || !strings.HasPrefix(lines[1], "# date ") || lines[2] != header {
		return table{}, fmt.Errorf("types.tsv does not begin with the header of this version")
	}
	out := table{
		date:  strings.TrimPrefix(lines[1], "# date "),
		index: make(map[string]int, len(lines)),
		zones: make(map[string]map[string]bool, len(lines)),
	}
	ids := map[string][]string{} // by the part before -az
	for i, line := range lines[3:] {
		f := &fields{rest: line}
		t, zones := readType(f), f.next()
		if f.err == nil && f.more {
			f.err = fmt.Errorf("it has too many columns")
		}
		if f.err != nil {
			return table{}, fmt.Errorf("types.tsv, line %d: %w", i+4, f.err)
		}
		out.index[t.Name] = len(out.types)
		out.types = append(out.types, t)
		out.zones[t.Name] = readZones(zones, ids)
	}
	var err error
	out.regions, err = nameZones(ids)
	return out, err
}

// readType takes the columns of a type, up to the zones.
func readType(f *fields) Type {
	t := Type{
		Name:              f.next(),
		CurrentGeneration: f.flag(),
		Architectures:     strings.Split(f.next(), ","),
		VCPUs:             int32(f.number()),
		MemoryMiB:         int64(f.number() * 1024),
		Processor:         f.next(),
		ClockGHz:          f.number(),
		Burstable:         f.flag(),
		BareMetal:         f.flag(),
		Hypervisor:        f.next(),
		MaxENIs:           int32(f.number()),
		IPv4PerENI:        int32(f.number()),
	}
	for _, n := range strings.Split(f.next(), ",") {
		if n != "" {
			t.CardENIs = append(t.CardENIs, int32(f.toNumber(n)))
		}
	}
	t.Network, t.BandwidthMbps = f.next(), int64(f.number())
	t.EBS = EBS{
		Optimized:    f.flag(),
		BaselineMbps: int32(f.number()),
		MaxMbps:      int32(f.number()),
		MaxIOPS:      int32(f.number()),
	}
	t.Disks = f.disks(f.next())
	t.Accelerator = f.accelerator(f.next())
	return t
}

// readZones reads "apne2:1,3 use1:1" and adds each id to ids.
func readZones(s string, ids map[string][]string) map[string]bool {
	out := map[string]bool{}
	for _, region := range strings.Fields(s) {
		prefix, numbers, _ := strings.Cut(region, ":")
		for _, n := range strings.Split(numbers, ",") {
			id := prefix + "-az" + n
			out[id] = true
			if !slices.Contains(ids[prefix], id) {
				ids[prefix] = append(ids[prefix], id)
			}
		}
	}
	return out
}

// fields walks the columns of a line and keeps the first fault.
type fields struct {
	rest string
	done bool // the last column was taken
	more bool // columns are left
	err  error
}

func (f *fields) next() string {
	if f.done {
		f.fail("it has too few columns")
		return ""
	}
	var value string
	value, f.rest, f.more = strings.Cut(f.rest, "\t")
	f.done = !f.more
	return value
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *fields) flag() bool {
	return f.next() == "y"
}

func (f *fields) number() float64 {
	s := f.next()
	if s == "" {
		return 0
	}
	return f.toNumber(s)
}

func (f *fields) toNumber(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		f.fail("%q is no number", s)
	}
	return n
}

// disks reads "2x900 nvme".
func (f *fields) disks(s string) Disks {
	if s == "" {
		return Disks{}
	}
	shape, kind, _ := strings.Cut(s, " ")
	count, size, _ := strings.Cut(shape, "x")
	return Disks{Count: int32(f.toNumber(count)), SizeGB: int64(f.toNumber(size)), NVMe: kind == "nvme"}
}

// accelerator reads "4 91552 NVIDIA A10G": count, memory of all in MiB, manufacturer, model.
func (f *fields) accelerator(s string) Accelerator {
	if s == "" {
		return Accelerator{}
	}
	parts := strings.SplitN(s, " ", 4)
	if len(parts) != 4 {
		f.fail("%q is no accelerator", s)
		return Accelerator{}
	}
	return Accelerator{
		Count:        int32(f.toNumber(parts[0])),
		MemoryMiB:    int64(f.toNumber(parts[1])),
		Manufacturer: parts[2],
		Model:        parts[3],
	}
}
