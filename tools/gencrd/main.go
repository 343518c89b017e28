// Command gencrd writes what is generated from the API types: deep copies, the custom
// resource definitions that pkg/apis/crds embeds, and the chart charts/karpenter-crd.
//
// It runs controller-gen (tools/tools.mod pins it) on pkg/apis/v1, takes Karpenter core's
// definitions from the core module that go.mod names, adds to those the rule that keeps
// users from inventing labels in this provider's domain, and writes all of it in one form.
// The same sources give the same bytes. Run it at the top of the module:
//
//	go run ./tools/gencrd          write the files
//	go run ./tools/gencrd -check   write nothing; fail and name the files that are stale
//
// It is itself compiled with pkg/apis/v1, whose labels it reads. After a change of the types
// that the old deep copies do not compile with, make those first:
//
//	go tool -modfile=tools/tools.mod controller-gen object paths=./pkg/apis/v1
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	check := flag.Bool("check", false, "write nothing, fail when a file is stale")
	flag.Parse()
	if err := run(context.Background(), *check); err != nil {
		log.Fatalf("gencrd: %v", err)
	}
}

func run(ctx context.Context, check bool) error {
	want, err := generate(ctx)
	if err != nil {
		return err
	}
	if check {
		return compare(want)
	}
	return write(want)
}

// compare names the files that are not as generated, and those in generated folders that
// nothing generates any more.
func compare(want map[string][]byte) error {
	var stale []string
	for path, content := range want {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
			stale = append(stale, path)
		}
	}
	surplus, err := surplusFiles(want)
	if err != nil {
		return err
	}
	if stale = append(stale, surplus...); len(stale) > 0 {
		slices.Sort(stale)
		return fmt.Errorf("these files are not as generated, run `go run ./tools/gencrd`: %s", strings.Join(stale, ", "))
	}
	return nil
}

func write(want map[string][]byte) error {
	surplus, err := surplusFiles(want)
	if err != nil {
		return err
	}
	for _, path := range surplus {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing what is no longer generated: %w", err)
		}
	}
	for path, content := range want {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the folder of %s: %w", path, err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return nil
}

// surplusFiles lists YAML files in the folders of CRDs that are not in want.
func surplusFiles(want map[string][]byte) ([]string, error) {
	var surplus []string
	for _, dir := range []string{crdDir, chartDir} {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", dir, err)
		}
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			if _, wanted := want[path]; !wanted && filepath.Ext(path) == ".yaml" {
				surplus = append(surplus, path)
			}
		}
	}
	return surplus, nil
}
