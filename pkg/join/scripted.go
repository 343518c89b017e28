package join

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

var (
	//go:embed scripts/common.sh
	commonScript string
	//go:embed scripts/system.sh
	systemScript string
	//go:embed scripts/proxy.sh
	proxyScript string
	//go:embed scripts/instance-store.sh
	instanceStoreScript string
	//go:embed scripts/registry.sh
	registryScript string
	//go:embed scripts/install.sh
	installScript string
	//go:embed scripts/parameter.sh
	parameterScript string
	//go:embed scripts/join.sh
	joinScript string
	//go:embed scripts/prepare.sh
	prepareScript string
)

// scripted is a family that cloud-init boots, and that a shell script makes a node. What
// differs between such families is how they install packages.
type scripted struct {
	family Family
	// packages is shell that defines kubelet_environment, repository, install_node,
	// install_tool, keep_configuration and proxy_packages.
	packages string
}

// scriptedFamilies are all of them.
func scriptedFamilies() map[Family]scripted {
	families := map[Family]scripted{}
	for _, f := range []scripted{ubuntu(), debian(), al2023()} {
		families[f.family] = f
	}
	return families
}

// render returns a MIME archive for cloud-init. The user's documents come first, as the AWS
// provider has it, then our script, which joins. When one of the user's documents joins by
// itself our script comes before them and makes that join succeed.
func (f scripted) render(spec Spec) ([]byte, error) {
	if spec.Cluster.Mode != cluster.Kubeadm {
		return nil, &SpecError{Field: "spec.amiFamily", Problem: fmt.Sprintf("%s is rendered for kubeadm clusters only; use Custom", f.family)}
	}
	parts, err := parseParts(spec.UserData)
	if err != nil {
		return nil, &SpecError{Field: "spec.userData", Problem: err.Error()}
	}
	users := installs(parts)
	if err := checkSkew(users, spec.Cluster.Version); err != nil {
		return nil, err
	}
	usersJoin := slices.ContainsFunc(parts, part.joins)
	if parts, err = fillParts(parts, spec); err != nil {
		return nil, err
	}
	if usersJoin {
		prepare, err := f.prepare(spec, users)
		if err != nil {
			return nil, err
		}
		first := newPart(typeShell, prepare)
		// cloud-init runs scripts in the order of their names, and names those without one "part-...".
		first.header.Set(headerDisposition, `attachment; filename="00-karpenter-prepare.sh"`)
		return archive(append([]part{first}, parts...))
	}
	join, err := f.join(spec)
	if err != nil {
		return nil, err
	}
	return archive(append(parts, newPart(typeShell, join)))
}

func fillParts(parts []part, spec Spec) ([]part, error) {
	filled := make([]part, 0, len(parts))
	for _, p := range parts {
		if fillsIn(p.body) {
			body, err := fill(p.body, spec)
			if err != nil {
				return nil, err
			}
			p.body = body
		}
		filled = append(filled, p)
	}
	return filled, nil
}

// join is the script that makes a stock or prepared image a node by itself.
func (f scripted) join(spec Spec) (string, error) {
	config, err := kubeadmConfig(spec)
	if err != nil {
		return "", err
	}
	discovery, err := discoveryConfig(spec)
	if err != nil {
		return "", err
	}
	patch, err := kubeletPatch(spec)
	if err != nil {
		return "", err
	}
	variables, err := machineVariables(spec)
	if err != nil {
		return "", err
	}
	variables = append(variables,
		variable{"image_repository", spec.Cluster.ImageRepository},
		variable{"work", workDir},
		variable{"kubeadm_config", config},
		variable{"kubelet_patch", patch},
		variable{"discovery_config", discovery},
	)
	sections := f.sections(spec)
	if spec.Parameter != "" {
		variables = append(variables, variable{"token_parameter", spec.Parameter}, variable{"aws_domain", awsDomain(spec.Region)})
		sections = append(sections, parameterScript)
	}
	return script(variables, append(sections, installScript, joinScript)...), nil
}

// prepare is the script that runs before a script of the user's which joins.
func (f scripted) prepare(spec Spec, users installed) (string, error) {
	flags, err := kubeletFlags(spec)
	if err != nil {
		return "", err
	}
	variables, err := machineVariables(spec)
	if err != nil {
		return "", err
	}
	older := users.olderThan(spec.Cluster.Version)
	variables = append(variables,
		variable{"kubelet_flags", strings.Join(flags, " ")},
		// Two entries for one repository with different keys are an error to apt.
		variable{"add_repository", strconv.FormatBool(older || !spec.Sources.named(spec.UserData))},
	)
	if older {
		variables = append(variables, variable{"users_minor", users.kubelet.version.MinorString()})
	}
	return script(variables, append(f.sections(spec), prepareScript)...), nil
}

// sections are what both scripts begin with; what a machine does not need is left out.
func (f scripted) sections(spec Spec) []string {
	sections := []string{commonScript, systemScript, f.packages}
	if spec.Sources.proxied() {
		sections = append(sections, proxyScript)
	}
	if spec.InstanceStoreRAID0 {
		sections = append(sections, instanceStoreScript)
	}
	if len(spec.Sources.RegistryMirrors) > 0 {
		sections = append(sections, registryScript)
	}
	return sections
}

// machineVariables are what both scripts are told.
func machineVariables(spec Spec) ([]variable, error) {
	if spec.Region == "" {
		return nil, errors.New("rendering user data: the region, which node names are made with, is not set")
	}
	config, err := kubeletConfig(spec.Cluster)
	if err != nil {
		return nil, err
	}
	version := spec.Cluster.Version
	return append([]variable{
		{"kubernetes_version", version.String()},
		{"kubernetes_minor", version.MinorString()},
		// systemd is kubeadm's default.
		{"systemd_cgroup", strconv.FormatBool(config.CgroupDriver != "cgroupfs")},
		{"resource_naming", strconv.FormatBool(spec.ResourceNaming)},
		{"region", spec.Region},
		{"instance_store", strconv.FormatBool(spec.InstanceStoreRAID0)},
	}, sourceVariables(spec)...), nil
}

// awsDomain is what the names of AWS's services end in.
func awsDomain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
