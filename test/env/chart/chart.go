// Package chart renders this project's charts with Helm's own library, for tests and
// the demo, which run the controller with exactly the permissions that an install gives it.
//
// It reads the chart's folder, talks to nothing, remembers nothing, and fails with
// Helm's own message.
package chart

import (
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Release is one installation of a chart.
type Release struct {
	Dir         string // the chart's folder
	Name        string
	Namespace   string
	KubeVersion string         // for example "v1.36.3"
	Values      map[string]any // over the chart's own
}

// Render returns the objects that installing the release would create, in a stable order.
func (r Release) Render() ([]*unstructured.Unstructured, error) {
	files, err := r.files()
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", filepath.Base(r.Dir), err)
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	var objects []*unstructured.Unstructured
	for _, name := range names {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		parsed, err := Parse(files[name])
		if err != nil {
			return nil, fmt.Errorf("parsing %s: %w", name, err)
		}
		objects = append(objects, parsed...)
	}
	return objects, nil
}

func (r Release) files() (map[string]string, error) {
	chrt, err := loader.Load(r.Dir)
	if err != nil {
		return nil, err
	}
	version, err := common.ParseKubeVersion(r.KubeVersion)
	if err != nil {
		return nil, err
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	options := common.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}
	values, err := util.ToRenderValues(chrt, r.Values, options, capabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(chrt, values)
}

// Parse splits a YAML stream into its objects; empty documents are left out.
func Parse(stream string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq("\n"+stream, "\n---") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
	return objects, nil
}

// Kind returns those of objects that have one of the kinds, in their order.
func Kind(objects []*unstructured.Unstructured, kinds ...string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, object := range objects {
		if slices.Contains(kinds, object.GetKind()) {
			found = append(found, object)
		}
	}
	return found
}
