package ami

import (
	"fmt"
	"strings"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
)

// AWS accounts that publish images.
const (
	ownerAmazon  = "amazon"
	ownerFlatcar = "075585003325"
)

// published is where an alias leads: SSM parameters that hold image ids, or a search by name.
type published struct {
	parameters []parameter
	search     search
}

// parameter is a vendor's SSM parameter. An image may serve several sets of requirements.
type parameter struct {
	path   string
	serves []requirements
}

// search finds images of an owner by name, which may hold wildcards. They all serve the same.
type search struct {
	owner, name string
	serves      requirements
}

// defaultAlias is what a class boots that has no selector: each family's newest release
// that nodes are known to work on. Other families have no default, and the schema asks for a selector.
func defaultAlias(family string) (v1.Alias, bool) {
	version, ok := map[string]string{
		v1.AMIFamilyUbuntu:       "24.04",
		v1.AMIFamilyDebian:       "12",
		v1.AMIFamilyAL2023:       v1.AliasVersionLatest,
		v1.AMIFamilyBottlerocket: v1.AliasVersionLatest,
		v1.AMIFamilyFlatcar:      "stable",
	}[family]
	return v1.Alias{Family: family, Version: version}, ok
}

// publishers returns where each family's images are published. Paths and names are those
// of the vendors' documentation.
func publishers() map[string]func(v1.Alias, cluster.Cluster) published {
	return map[string]func(v1.Alias, cluster.Cluster) published{
		v1.AMIFamilyUbuntu:       ubuntu,
		v1.AMIFamilyDebian:       debian,
		v1.AMIFamilyFlatcar:      flatcar,
		v1.AMIFamilyAL2:          al2,
		v1.AMIFamilyAL2023:       al2023,
		v1.AMIFamilyBottlerocket: bottlerocket,
		v1.AMIFamilyWindows2019:  windowsCore("2019", "10.0.17763"),
		v1.AMIFamilyWindows2022:  windowsCore("2022", "10.0.20348"),
		v1.AMIFamilyWindows2025:  windowsCore("2025", "10.0.26100"),
	}
}

// resolve says where alias leads on c.
func resolve(alias v1.Alias, c cluster.Cluster) (published, error) {
	publisher, ok := publishers()[alias.Family]
	if !ok {
		return published{}, &UnsupportedAliasError{Alias: alias.String(), Why: "nobody publishes images of this family; select images by id, name or tags"}
	}
	switch {
	case alias.Family == v1.AMIFamilyAL2 && c.Version.Minor >= 33:
		return published{}, &UnsupportedAliasError{Alias: alias.String(), Why: "AWS publishes no AL2 images for Kubernetes 1.33 and later; use al2023"}
	case alias.Family == v1.AMIFamilyWindows2025 && c.Version.Minor < 35:
		return published{}, &UnsupportedAliasError{Alias: alias.String(), Why: "AWS publishes Windows Server 2025 images for Kubernetes 1.35 and later; use windows2022"}
	}
	return publisher(alias, c), nil
}

// ubuntu follows Canonical. A version is a release, "24.04", or a release and the serial of
// one build, "24.04-20250115". Releases before 23.10 have disks of type gp2.
func ubuntu(alias v1.Alias, _ cluster.Cluster) published {
	release, serial, pinned := strings.Cut(alias.Version, "-")
	if release == v1.AliasVersionLatest {
		newest, _ := defaultAlias(v1.AMIFamilyUbuntu)
		release = newest.Version
	}
	if !pinned {
		serial = "current"
	}
	disk := "gp3"
	if release < "23.10" { // all releases have the form YY.MM
		disk = "gp2"
	}
	return parameters("/aws/service/canonical/ubuntu/server/%s/stable/%s/%s/hvm/ebs-%s/ami-id", func(arch string) []any {
		return []any{release, serial, arch, disk}
	}, "amd64", "arm64")
}

// debian follows the Debian project's cloud team. A version is a release, "12", or a release
// and one build, "12-20250115-1993".
func debian(alias v1.Alias, _ cluster.Cluster) published {
	release, build, pinned := strings.Cut(alias.Version, "-")
	if release == v1.AliasVersionLatest {
		newest, _ := defaultAlias(v1.AMIFamilyDebian)
		release = newest.Version
	}
	if !pinned {
		build = "latest"
	}
	return parameters("/aws/service/debian/release/%s/%s/%s", func(arch string) []any { return []any{release, build, arch} }, "amd64", "arm64")
}

// flatcar is published by name only. A version is a channel, "stable", or a channel and a
// release, "stable-3815.2.0".
func flatcar(alias v1.Alias, _ cluster.Cluster) published {
	version := alias.Version
	if version == v1.AliasVersionLatest {
		version = "stable"
	}
	if !strings.Contains(version, "-") {
		version += "-" // what follows is not part of the channel's name
	}
	return published{search: search{owner: ownerFlatcar, name: "Flatcar-" + version + "*-hvm", serves: plain()}}
}

// al2023 is the plain image on clusters that people run themselves, since the one for EKS
// joins nothing else.
func al2023(alias v1.Alias, c cluster.Cluster) published {
	switch {
	case c.Mode == cluster.EKS:
		return al2023ForEKS(alias, c.Version.MinorString())
	case alias.Version == v1.AliasVersionLatest:
		return parameters("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-%s", func(arch string) []any { return []any{arch} }, "x86_64", "arm64")
	default:
		return published{search: search{owner: ownerAmazon, name: "al2023-ami-" + strings.TrimPrefix(alias.Version, "v") + "-kernel-*", serves: plain()}}
	}
}

// parameters makes one parameter for each architecture, of images without drivers.
//
// Such an image boots on a type with GPUs, and the node that comes of it has none to give, for
// which somebody pays by the hour. So an alias, which we chose the image for, never leads to
// that: families that publish an image with drivers have it for those types, the others have
// none. Who brings drivers another way, in an image of theirs or by a DaemonSet on this very
// image, selects it by id, name, tags or parameter; of those nothing is assumed.
func parameters(format string, args func(arch string) []any, architectures ...string) published {
	var p published
	for _, arch := range architectures {
		p.parameters = append(p.parameters, parameter{path: fmt.Sprintf(format, args(arch)...), serves: []requirements{plain()}})
	}
	return p
}
