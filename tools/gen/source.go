package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	instancesModule = "github.com/LeanerCloud/ec2-instances-info"
	limitsModule    = "github.com/aws/karpenter-provider-aws"
)

// facts is all that the sources state.
type facts struct {
	date      string             // of the instance data, as 2006-01-02
	types     []instanceType     // sorted by name
	limits    map[string]limits  // by type
	bandwidth map[string]float64 // baseline in Mbps, by type
	newer     map[string]regionPrices
}

// instanceType is an entry of ec2instances.info, with the fields that are used.
type instanceType struct {
	Name         string   `json:"instance_type"`
	Generation   string   `json:"generation"` // current or previous
	Arch         []string `json:"arch"`
	VCPU         int      `json:"vCPU"`
	MemoryGiB    float64  `json:"memory"`
	Processor    string   `json:"physical_processor"`
	Clock        string   `json:"clock_speed_ghz"` // "3.1 GHz", "Up to 3.7 GHz" or nothing
	BasePerf     float64  `json:"base_performance"`
	Network      string   `json:"network_performance"`
	EBSOptimized bool     `json:"ebs_optimized"`
	EBSBaseline  int      `json:"ebs_baseline_bandwidth"` // Mbps
	EBSMax       int      `json:"ebs_max_bandwidth"`      // Mbps
	EBSMaxIOPS   int      `json:"ebs_iops"`
	GPU          int      `json:"GPU"`
	GPUModel     string   `json:"GPU_model"`
	GPUMemoryGiB float64  `json:"GPU_memory"` // of all of them
	Storage      *struct {
		Devices int     `json:"devices"`
		SizeGB  float64 `json:"size"` // of one
		NVMe    bool    `json:"nvme_ssd"`
	} `json:"storage"`
	VPC *struct {
		MaxENIs   int `json:"max_enis"`
		IPsPerENI int `json:"ips_per_eni"`
	} `json:"vpc"`
	Zones   map[string][]string `json:"availability_zones"` // zone ids by region
	Pricing map[string]struct {
		Linux struct {
			OnDemand json.Number `json:"ondemand"`
		} `json:"linux"`
	} `json:"pricing"`
}

// regionName leaves out Local Zones and Wavelength Zones, which the instance data
// lists beside the regions.
var regionName = regexp.MustCompile(`^[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d$`)

// readFacts reads both sources, of the versions that go.mod pins.
func readFacts(ctx context.Context) (facts, error) {
	source, err := download(ctx, instancesModule)
	if err != nil {
		return facts{}, err
	}
	out := facts{}
	if out.date, err = source.date(); err != nil {
		return facts{}, err
	}
	if out.types, err = readTypes(filepath.Join(source.Dir, "data", "instances.json")); err != nil {
		return facts{}, fmt.Errorf("reading %s: %w", instancesModule, err)
	}
	tables, err := download(ctx, limitsModule)
	if err != nil {
		return facts{}, err
	}
	err = out.readTables(tables.Dir)
	return out, err
}

// readTables adds what the second source states.
func (f *facts) readTables(dir string) (err error) {
	providers := filepath.Join(dir, "pkg", "providers")
	if f.limits, err = readLimits(filepath.Join(providers, "instancetype", "zz_generated.vpclimits.go")); err != nil {
		return fmt.Errorf("reading %s: %w", limitsModule, err)
	}
	if f.bandwidth, err = readBandwidth(filepath.Join(providers, "instancetype", "zz_generated.bandwidth.go")); err != nil {
		return fmt.Errorf("reading %s: %w", limitsModule, err)
	}
	if f.newer, err = readNewer(filepath.Join(providers, "pricing")); err != nil {
		return fmt.Errorf("reading %s: %w", limitsModule, err)
	}
	return nil
}

// module is where the Go command put a module, and which version it is.
type module struct {
	Version string
	Dir     string
}

// download has the Go command fetch a module of go.mod into its cache and verify it.
func download(ctx context.Context, path string) (module, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", path).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return module{}, fmt.Errorf("downloading %s: %w: %s%s", path, err, exit.Stderr, out)
		}
		return module{}, fmt.Errorf("downloading %s: %w", path, err)
	}
	var m module
	if err := json.Unmarshal(out, &m); err != nil {
		return module{}, fmt.Errorf("downloading %s: %w", path, err)
	}
	return m, nil
}

var pseudoVersion = regexp.MustCompile(`-(\d{4})(\d{2})(\d{2})\d{6}-[0-9a-f]{12}$`)

// date is the day of the commit that a pseudo-version names.
func (m module) date() (string, error) {
	part := pseudoVersion.FindStringSubmatch(m.Version)
	if part == nil {
		return "", fmt.Errorf("reading the date of version %s: it is no pseudo-version", m.Version)
	}
	return strings.Join(part[1:], "-"), nil
}

// readTypes decodes the instance data, sorted by name.
func readTypes(path string) ([]instanceType, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var types []instanceType
	if err := json.Unmarshal(raw, &types); err != nil {
		return nil, err
	}
	slices.SortFunc(types, func(a, b instanceType) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range types {
		if t.Name == "" || t.VCPU <= 0 || t.MemoryGiB <= 0 || len(t.Arch) == 0 {
			return nil, fmt.Errorf("type %q lacks its name, size or architecture", t.Name)
		}
		if i > 0 && types[i-1].Name == t.Name {
			return nil, fmt.Errorf("type %q is there twice", t.Name)
		}
	}
	return types, nil
}
