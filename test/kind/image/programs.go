package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	kindModule = "sigs.k8s.io/kind"
	// dns and routes are the programs of ours in the module; kind and helm are others'.
	dnsProgram, routesProgram = "dns", "routes"
)

// module is the Go module that pins the programs.
func (b Builder) module() string { return filepath.Join(b.Root, "test", "kind", "programs") }

// programs builds kind, helm, dns and routes and returns their folder.
func (b Builder) programs(ctx context.Context) (string, error) {
	inputs := []string{runtime.Version(), runtime.GOARCH}
	for _, name := range []string{"go.mod", "go.sum", "dns/main.go", "routes/main.go"} {
		content, err := os.ReadFile(filepath.Join(b.module(), name))
		if err != nil {
			return "", fmt.Errorf("reading the requirements of the cluster's programs: %w", err)
		}
		inputs = append(inputs, string(content))
	}
	return b.step("programs", inputs, func(dir string) error {
		_, err := run(ctx, b.module(), "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", dir+"/",
			kindModule, "helm.sh/helm/v4/cmd/helm", "./"+dnsProgram, "./"+routesProgram)
		return err
	})
}

// kindFiles is the folder of what kind's own image has beside programs.
func (b Builder) kindFiles(ctx context.Context) (string, error) {
	dir, err := run(ctx, b.module(), "go", "list", "-m", "-f", "{{.Dir}}", kindModule)
	return filepath.Join(strings.TrimSpace(dir), "images", "base", "files"), err
}
