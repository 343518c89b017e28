package kubeadm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// patchName is how the file of a patch for the kubelet's configuration is named:
// target, suffix, "+" and type, extension. What is not named so is left alone.
var patchName = regexp.MustCompile(`^kubeletconfiguration([^.+\n]*)(\+)?(json|merge|strategic)?.*\.(json|yaml)$`)

// applyPatches applies the patches of a directory to a KubeletConfiguration, in the order of their names.
func applyPatches(p *shell.Proc, document []byte, directory string) ([]byte, error) {
	if directory == "" {
		return document, nil
	}
	entries, err := p.FS.ReadDir(p.Path(directory))
	if err != nil {
		return nil, fmt.Errorf("could not list patch files for path %q: %w", directory, err)
	}
	for _, entry := range entries {
		parts := patchName.FindStringSubmatch(entry.Name())
		if parts == nil || entry.IsDir() {
			p.Printf("[patches] Ignoring file %q\n", entry.Name())
			continue
		}
		if parts[2] != "" && parts[3] == "" {
			return nil, fmt.Errorf("unknown or missing patch type after '+' in %q", entry.Name())
		}
		content, err := p.FS.ReadFile(p.Path(path.Join(directory, entry.Name())))
		if err != nil {
			return nil, err
		}
		if document, err = applyFile(document, content, parts[3]); err != nil {
			return nil, fmt.Errorf("applying %s: %w", entry.Name(), err)
		}
		p.Printf("[patches] Applied patch %q\n", entry.Name())
	}
	return document, nil
}

// applyFile applies the documents of one file.
func applyFile(document, content []byte, kind string) ([]byte, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		patch, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return document, nil
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(patch)) == 0 {
			continue
		}
		switch kind {
		case "json":
			document, err = byJSON(document, patch, func(target, patch []byte) ([]byte, error) {
				operations, err := jsonpatch.DecodePatch(patch)
				if err != nil {
					return nil, err
				}
				return operations.Apply(target)
			})
		case "merge":
			document, err = byJSON(document, patch, jsonpatch.MergePatch)
		default:
			document, err = strategic(document, patch)
		}
		if err != nil {
			return nil, err
		}
	}
}

// strategic applies a strategic merge patch.
func strategic(document, patch []byte) ([]byte, error) {
	return byJSON(document, patch, func(target, patch []byte) ([]byte, error) {
		return strategicpatch.StrategicMergePatch(target, patch, kubeletv1beta1.KubeletConfiguration{})
	})
}

// byJSON lets apply work on JSON where document and patch are YAML.
func byJSON(document, patch []byte, apply func(target, patch []byte) ([]byte, error)) ([]byte, error) {
	target, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, err
	}
	if patch, err = yaml.YAMLToJSON(patch); err != nil {
		return nil, err
	}
	if target, err = apply(target, patch); err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(target)
}
