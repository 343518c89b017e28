package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	crdDir   = "pkg/apis/crds"
	chartDir = "charts/karpenter-crd/templates"
	typesDir = "pkg/apis/v1"
	deepCopy = "zz_generated.deepcopy.go"
	core     = "sigs.k8s.io/karpenter"
)

// generate returns the content of every generated file by its path.
func generate(ctx context.Context) (map[string][]byte, error) {
	files, crds, err := fromTypes(ctx)
	if err != nil {
		return nil, err
	}
	coreCRDs, err := fromCore(ctx)
	if err != nil {
		return nil, err
	}
	maps.Copy(crds, coreCRDs)
	for name, crd := range crds {
		content, err := yaml.Marshal(crd)
		if err != nil {
			return nil, fmt.Errorf("writing %s as YAML: %w", name, err)
		}
		files[filepath.Join(crdDir, name)] = content
		if files[filepath.Join(chartDir, name)], err = template(content); err != nil {
			return nil, fmt.Errorf("making a chart template of %s: %w", name, err)
		}
	}
	return files, nil
}

// fromTypes runs controller-gen on our types. It returns the deep copies by path and the
// definitions by file name.
func fromTypes(ctx context.Context) (map[string][]byte, map[string]map[string]any, error) {
	dir, err := os.MkdirTemp("", "gencrd")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder for controller-gen: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := goCommand(ctx, "tool", "-modfile=tools/tools.mod", "controller-gen",
		"object", "crd", "paths=./"+typesDir, "output:object:dir="+dir, "output:crd:dir="+dir); err != nil {
		return nil, nil, err
	}
	copies, err := os.ReadFile(filepath.Join(dir, deepCopy))
	if err != nil {
		return nil, nil, fmt.Errorf("reading controller-gen's deep copies: %w", err)
	}
	crds, err := readCRDs(dir)
	return map[string][]byte{filepath.Join(typesDir, deepCopy): copies}, crds, err
}

// fromCore returns core's definitions with this provider's label domain guarded.
func fromCore(ctx context.Context) (map[string]map[string]any, error) {
	dir, err := goCommand(ctx, "list", "-m", "-f", "{{.Dir}}", core)
	if err != nil {
		return nil, err
	}
	crds, err := readCRDs(filepath.Join(dir, crdDir))
	if err != nil {
		return nil, err
	}
	return crds, guardLabelDomain(crds)
}

// readCRDs reads every YAML file in dir by its name. It is an error when there is none.
func readCRDs(dir string) (map[string]map[string]any, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		return nil, errors.Join(fmt.Errorf("no CRDs in %s", dir), err)
	}
	crds := map[string]map[string]any{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading CRD: %w", err)
		}
		crd := map[string]any{}
		if err := yaml.Unmarshal(content, &crd); err != nil {
			return nil, fmt.Errorf("parsing %s: %w", path, err)
		}
		crds[filepath.Base(path)] = crd
	}
	return crds, nil
}

const annotations = "\n  annotations:\n"

// template lets Helm put the value additionalAnnotations on a CRD.
func template(crd []byte) ([]byte, error) {
	if bytes.Contains(crd, []byte("{{")) {
		return nil, errors.New("it holds {{, which Helm would run")
	}
	if bytes.Count(crd, []byte(annotations)) != 1 {
		return nil, errors.New("it has no single place for annotations")
	}
	return bytes.Replace(crd, []byte(annotations), []byte(annotations+
		"    {{- with .Values.additionalAnnotations }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n"), 1), nil
}

// goCommand runs the go command at the top of the module and returns its trimmed output.
func goCommand(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}
