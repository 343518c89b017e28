package join

import (
	_ "embed"
	"errors"
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
	//go:embed scripts/apt.sh
	aptScript string
	//go:embed scripts/instance-store.sh
	instanceStoreScript string
	//go:embed scripts/install.sh
	installScript string
	//go:embed scripts/parameter.sh
	parameterScript string
	//go:embed scripts/join.sh
	joinScript string
	//go:embed scripts/prepare.sh
	prepareScript string
)

// renderUbuntu returns a MIME archive for cloud-init. The user's documents come first, as
// the AWS provider has it, then our script, which joins. When one of the user's documents
// joins by itself our script comes before them and makes that join succeed.
func renderUbuntu(spec Spec) ([]byte, error) {
	if spec.Cluster.Mode != cluster.Kubeadm {
		return nil, &SpecError{Field: "spec.amiFamily", Problem: "Ubuntu is rendered for kubeadm clusters only; use Custom"}
	}
	parts, err := parseParts(spec.UserData)
	if err != nil {
		return nil, &SpecError{Field: "spec.userData", Problem: err.Error()}
	}
	usersJoin := slices.ContainsFunc(parts, part.joins)
	if parts, err = fillParts(parts, spec); err != nil {
		return nil, err
	}
	if usersJoin {
		prepare, err := ubuntuPrepare(spec)
		if err != nil {
			return nil, err
		}
		first := newPart(typeShell, prepare)
		// cloud-init runs scripts in the order of their names, and names those without one "part-...".
		first.header.Set(headerDisposition, `attachment; filename="00-karpenter-prepare.sh"`)
		return archive(append([]part{first}, parts...))
	}
	join, err := ubuntuJoin(spec)
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

// ubuntuJoin is the script that makes a stock or prepared Ubuntu a node by itself.
func ubuntuJoin(spec Spec) (string, error) {
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
		variable{"work", workDir},
		variable{"kubeadm_config", config},
		variable{"kubelet_patch", patch},
		variable{"discovery_config", discovery},
	)
	sections := []string{commonScript, systemScript, aptScript}
	if spec.InstanceStoreRAID0 {
		sections = append(sections, instanceStoreScript)
	}
	if spec.Parameter != "" {
		variables = append(variables, variable{"token_parameter", spec.Parameter}, variable{"aws_domain", awsDomain(spec.Region)})
		sections = append(sections, parameterScript)
	}
	return script(variables, append(sections, installScript, joinScript)...), nil
}

// awsDomain is what the names of AWS's services end in.
func awsDomain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// ubuntuPrepare is the script that runs before a script of the user's which joins.
func ubuntuPrepare(spec Spec) (string, error) {
	flags, err := kubeletFlags(spec)
	if err != nil {
		return "", err
	}
	variables, err := machineVariables(spec)
	if err != nil {
		return "", err
	}
	variables = append(variables,
		variable{"kubelet_flags", strings.Join(flags, " ")},
		// Two entries for one repository with different keys are an error to apt.
		variable{"add_repository", strconv.FormatBool(!strings.Contains(spec.UserData, packageHost))},
	)
	sections := []string{commonScript, systemScript, aptScript}
	if spec.InstanceStoreRAID0 {
		sections = append(sections, instanceStoreScript)
	}
	return script(variables, append(sections, prepareScript)...), nil
}

const packageHost = "pkgs.k8s.io"

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
	return []variable{
		{"kubernetes_version", version.String()},
		{"kubernetes_minor", version.MinorString()},
		{"image_repository", spec.Cluster.ImageRepository},
		// systemd is kubeadm's default.
		{"systemd_cgroup", strconv.FormatBool(config.CgroupDriver != "cgroupfs")},
		{"resource_naming", strconv.FormatBool(spec.ResourceNaming)},
		{"region", spec.Region},
		{"instance_store", strconv.FormatBool(spec.InstanceStoreRAID0)},
	}, nil
}
