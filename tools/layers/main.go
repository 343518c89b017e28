// Command layers checks that imports point downwards only, and that each package may
// import what it does. It reads `go list`, so it sees what the compiler sees. The table
// below is the architecture; a package without a row fails, so the table cannot rot.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sort"
	"strings"
)

const module = "github.com/karpenter-kubeadm/karpenter-provider-aws/"

// A rule says what packages below one folder may not import. The longest matching folder wins.
type rule struct {
	layer int // 0 vocabulary, 1 mechanisms, 2 providers, 3 actors, 4 wiring, 5 tests and tools
	// siblings: packages of the same layer may import each other.
	siblings bool
	// deny lists import paths, each with everything below it.
	deny []string
}

const (
	sdk           = "github.com/aws/aws-sdk-go-v2"
	clientGo      = "k8s.io/client-go"
	runtimeClient = "sigs.k8s.io/controller-runtime"
	core          = "sigs.k8s.io/karpenter/pkg"
)

var (
	pure     = rule{layer: 0, siblings: true, deny: []string{sdk, clientGo, runtimeClient, "net/http", "os"}}
	provider = rule{layer: 2, deny: []string{"os"}}
	actor    = rule{layer: 3, deny: []string{sdk, "os", module + "pkg/aws", module + "pkg/batch"}}
	outside  = rule{layer: 5, siblings: true}
)

var rules = map[string]rule{
	"pkg/apis":     {layer: 0, siblings: true, deny: []string{sdk, clientGo, "net/http", "os"}}, // registers its scheme with controller-runtime's builder
	"pkg/cluster":  pure,
	"pkg/instance": pure,
	"pkg/join":     pure,
	"pkg/kubelet":  pure,
	"pkg/pool":     pure,

	"pkg/aws":   {layer: 1, deny: []string{core, clientGo, runtimeClient + "/pkg/client"}},
	"pkg/batch": {layer: 1, deny: []string{core, sdk, clientGo, runtimeClient}},
	"pkg/cache": {layer: 1, deny: []string{core, sdk, clientGo, runtimeClient}},
	"pkg/kube":  {layer: 1, deny: []string{core + "/cloudprovider", sdk}},

	"pkg/providers":                     provider,
	"pkg/providers/offering/pricetable": {layer: 1, deny: []string{sdk, clientGo, runtimeClient, core}}, // data only

	"pkg/cloudprovider": actor,
	"pkg/controllers":   actor,

	"pkg/operator": {layer: 4, siblings: true},
	"cmd":          {layer: 4, siblings: true},

	"test":  outside,
	"tools": outside,
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	packages, err := list(ctx)
	if err != nil {
		return err
	}
	var faults []string
	for _, p := range packages {
		faults = append(faults, check(p)...)
	}
	if len(faults) > 0 {
		sort.Strings(faults)
		return errors.New(strings.Join(faults, "\n"))
	}
	fmt.Printf("layers: %d packages import downwards only\n", len(packages))
	return nil
}

func list(ctx context.Context) ([]pkg, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	var packages []pkg
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// check returns one line for each import of p that its rule forbids.
func check(p pkg) []string {
	own, ok := ruleOf(p.ImportPath)
	if !ok {
		return []string{p.ImportPath + ": has no row in tools/layers; say which layer it belongs to"}
	}
	var faults []string
	for _, path := range p.Imports {
		if why := own.refuses(p.ImportPath, path); why != "" {
			faults = append(faults, fmt.Sprintf("%s: may not import %s: %s", p.ImportPath, path, why))
		}
	}
	return faults
}

// refuses says why importer, whose rule r is, may not import path; it is empty when it may.
func (r rule) refuses(importer, path string) string {
	for _, denied := range r.deny {
		if within(path, denied) {
			return fmt.Sprintf("layer %d does not know %s", r.layer, denied)
		}
	}
	if !strings.HasPrefix(path, module) {
		return ""
	}
	other, ok := ruleOf(path)
	switch {
	case !ok:
		return "it has no row in tools/layers"
	case other.layer > r.layer:
		return fmt.Sprintf("it is of layer %d, above layer %d", other.layer, r.layer)
	case other.layer == r.layer && !r.siblings && topic(importer) != topic(path):
		return fmt.Sprintf("siblings of layer %d meet through an interface of the importer", r.layer)
	}
	return ""
}

// topic is the folder that a package belongs to: one of its own for each provider and controller.
func topic(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, module), "/")
	depth := 2
	if len(parts) > 2 && (parts[1] == "providers" || parts[1] == "controllers") {
		depth = 3
	}
	return strings.Join(parts[:min(depth, len(parts))], "/")
}

func ruleOf(path string) (found rule, ok bool) {
	longest := -1
	for folder, r := range rules {
		if within(path, module+folder) && len(folder) > longest {
			found, longest, ok = r, len(folder), true
		}
	}
	return found, ok
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
