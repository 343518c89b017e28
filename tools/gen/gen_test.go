package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const entry = `[{
	"instance_type": "x1.small", "generation": "current", "arch": ["arm64"], "vCPU": 2, "memory": 0.5,
	"physical_processor": "AWS Graviton", "clock_speed_ghz": "Up to 3.7 GHz", "network_performance": "High",
	"GPU": 2, "GPU_model": "NVIDIA T4 Tensor Core", "GPU_memory": 32,
	"storage": {"devices": 2, "size": 118, "nvme_ssd": true}, "vpc": {"max_enis": 3, "ips_per_eni": 4},
	"availability_zones": {"us-east-1": ["use1-az6", "use1-az2"]},
	"pricing": {
		"us-east-1": {"linux": {"ondemand": "0.0100"}}, "us-gov-west-1": {"linux": {"ondemand": "0.02"}},
		"us-east-1-atl-1": {"linux": {"ondemand": "0.5"}}, "eu-west-1": {"mswin": {"ondemand": "0.7"}}
	}
}]`

func typesOf(t *testing.T, data string) ([]instanceType, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "instances.json")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return readTypes(path)
}

func TestPricesAreThoseOfRegionsAndLinux(t *testing.T) {
	types, err := typesOf(t, entry)
	if err != nil {
		t.Fatal(err)
	}
	made, err := priceFile(facts{date: "2025-05-28", types: types})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(made.content), "type\tus-east-1\tus-gov-west-1\n"+
		"date\t2025-05-28\t2025-05-28\nx1.small\t0.01\t0.02\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAYoungerTableOfARegionWins(t *testing.T) {
	types, err := typesOf(t, entry)
	if err != nil {
		t.Fatal(err)
	}
	newer := map[string]regionPrices{
		"us-east-1":  {date: "2026-07-20", byType: map[string]float64{"x1.small": 0.009, "x2.small": 0.008}},
		"cn-north-1": {date: "2024-11-06", byType: map[string]float64{"x1.small": 0.07}},
	}
	made, err := priceFile(facts{date: "2025-05-28", types: types, newer: newer})
	if err != nil {
		t.Fatal(err)
	}
	want := "type\tcn-north-1\tus-east-1\tus-gov-west-1\ndate\t2024-11-06\t2026-07-20\t2025-05-28\n" +
		"x1.small\t0.07\t0.009\t0.02\nx2.small\t\t0.008\t\n"
	if got := string(made.content); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAPriceThatIsNoNumberIsRefused(t *testing.T) {
	types, err := typesOf(t, strings.Replace(entry, `"0.0100"`, `"-1"`, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := priceFile(facts{types: types}); err == nil || !strings.Contains(err.Error(), "x1.small in us-east-1") {
		t.Errorf("got %v", err)
	}
}

func TestCatalogueLineStatesTheFactsAndNothingElse(t *testing.T) {
	types, err := typesOf(t, entry)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		limits map[string]limits
		want   string
	}{
		"without a table of limits the instance data is used": {
			want: "x1.small\ty\tarm64\t2\t0.5\tAWS Graviton\t3.7\t\t\t\t3\t4\t\tHigh\t\t\t\t\t\t2x118 nvme\t2 32768 NVIDIA T4\tuse1:2,6",
		},
		"the table of limits wins": {
			limits: map[string]limits{"x1.small": {interfaces: 8, ipv4: 9, cards: []int{4, 4}, hypervisor: "nitro"}},
			want:   "x1.small\ty\tarm64\t2\t0.5\tAWS Graviton\t3.7\t\t\tnitro\t8\t9\t4,4\tHigh\t\t\t\t\t\t2x118 nvme\t2 32768 NVIDIA T4\tuse1:2,6",
		},
	} {
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(string(catalogueFile(facts{types: types, limits: tc.limits}).content), "\n")
			if got := lines[3]; got != tc.want {
				t.Errorf("got\n%q, want\n%q", got, tc.want)
			}
		})
	}
}

func TestReadTypesRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"no size":        strings.Replace(entry, `"vCPU": 2`, `"vCPU": 0`, 1),
		"a type twice":   strings.TrimSuffix(entry, "]") + "," + strings.TrimPrefix(entry, "["),
		"something else": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := typesOf(t, data); err == nil {
				t.Error("it was read")
			}
		})
	}
}

func TestReadLimitsReadsTheGoTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limits.go")
	source := `package p
var Limits = map[string]*VPCLimits{"x1.small": {Interface: 3, IPv4PerInterface: 4, IsBareMetal: true, Hypervisor: "xen",
	NetworkCards: []NetworkCard{{MaximumNetworkInterfaces: 3}}}}
var InstanceTypeBandwidthMegabits = map[string]int64{"x1.small": 32}`
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readLimits(path)
	if err != nil {
		t.Fatal(err)
	}
	if l := got["x1.small"]; l.interfaces != 3 || l.ipv4 != 4 || !l.bareMetal || l.hypervisor != "xen" || len(l.cards) != 1 {
		t.Errorf("got %+v", l)
	}
	bandwidth, err := readBandwidth(path)
	if err != nil || bandwidth["x1.small"] != 32 {
		t.Errorf("got %v, %v", bandwidth, err)
	}
	if _, err := mapLiteral(path, "Missing"); err == nil {
		t.Error("a table that is not there was read")
	}
}

func TestReadNewerReadsRegionsAndTheirDay(t *testing.T) {
	folder := t.TempDir()
	for name, variable := range newerTables() {
		source := "package p\n// generated at 2026-07-20T13:44:30Z for x\nvar " + variable +
			" = map[string]map[T]float64{\"" + variable + "\": {\"x1.small\": 0.010000}}\n"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readNewer(folder)
	if err != nil {
		t.Fatal(err)
	}
	if p := got["InitialOnDemandPricesCN"]; len(got) != 3 || p.date != "2026-07-20" || p.byType["x1.small"] != 0.01 {
		t.Errorf("got %v", got)
	}
	if _, err := readNewer(t.TempDir()); err == nil {
		t.Error("files that are not there were read")
	}
}

func TestCheckFindsWhatIsStale(t *testing.T) {
	for name, gzipped := range map[string]bool{"plain": false, "compressed": true} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			f := file{path: "a/b.txt", content: []byte("new"), gzipped: gzipped}
			if f.check(root) == nil {
				t.Error("a missing file passed")
			}
			if err := f.write(root); err != nil {
				t.Fatal(err)
			}
			if err := f.check(root); err != nil {
				t.Error(err)
			}
			f.content = []byte("newer")
			if f.check(root) == nil {
				t.Error("a stale file passed")
			}
		})
	}
}

func TestDateIsThatOfThePinnedCommit(t *testing.T) {
	var m module
	if err := json.Unmarshal([]byte(`{"Version": "v0.0.0-20250528091325-32acf84f42eb"}`), &m); err != nil {
		t.Fatal(err)
	}
	if got, err := m.date(); err != nil || got != "2025-05-28" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := (module{Version: "v1.2.3"}).date(); err == nil {
		t.Error("a release has no date")
	}
}
