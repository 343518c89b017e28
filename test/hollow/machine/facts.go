package machine

import (
	"net/netip"
	"strings"
)

// Facts are what EC2 says of an instance, its type and its image.
type Facts struct {
	ID, Type, Zone, Region string
	// Arch is "amd64" or "arm64".
	Arch string
	// ImageID, ImageName and ImageTags decide what is on the disk at first boot.
	ImageID, ImageName string
	ImageTags          map[string]string
	PrivateIP          netip.Addr
	// PrivateDNS is EC2's name for the instance, which becomes its host name.
	PrivateDNS                        string
	MAC, SubnetID, VPCID, InterfaceID string
	SecurityGroupIDs, SecurityGroups  []string
	ProfileARN, ProfileID             string // of the instance profile; empty without one
	// Role is whose credentials the metadata service hands out; nil without one.
	Role                             *Role
	Spot                             bool
	Tags                             map[string]string
	MetadataDisabled, TokensRequired bool
	TagsInMetadata                   bool
	CPUs                             int64
	MemoryMiB                        int64
	DiskGiB                          int64
	GPUs                             int64
	// UserData is as EC2 has it after base64.
	UserData []byte
}

// Role is an instance's role with the credentials of one session.
type Role struct {
	Name, AccessKeyID, SecretAccessKey, SessionToken string
}

// Config is what hollow machines share.
type Config struct {
	// Kubernetes is the newest patch that the package repository of its minor has, for example "v1.36.3".
	Kubernetes string
	// Speed divides the time that sleep and systemd's restart delays take; 1 is real time.
	Speed int
	// Reachable lists hosts, without port, that programs may really connect to.
	Reachable []string
	// Packages is the URL of a mirror of Kubernetes' packages, which is there instead of
	// https://pkgs.k8s.io/core:/stable:; empty for that.
	Packages string
	// Proxy is the URL of the proxy that alone leads to what is published; empty where everything is near.
	Proxy string
	// AWS is where programs find the services of AWS, for example "http://127.0.0.1:4579"; empty without.
	AWS string
	// Pipes is a directory of the host for the named pipes of process substitution.
	Pipes string
}

// system is the operating system of an image.
type system struct {
	id, version, codename, pretty string
}

func (s system) debian() bool { return s.id == "ubuntu" || s.id == "debian" }

// containers reports whether the system is made for them, and has no packages.
func (s system) containers() bool { return s.id == systemBottlerocket || s.id == systemFlatcar }

// systemOf tells the operating system from an image's name, as their publishers name
// them. A name that says nothing is taken for Ubuntu 24.04.
func systemOf(imageName string) system {
	name := strings.ToLower(imageName)
	switch {
	case strings.Contains(name, "bottlerocket"):
		return system{id: systemBottlerocket, pretty: "Bottlerocket OS"}
	case strings.Contains(name, "flatcar"):
		return system{id: systemFlatcar, version: "4230.2.0", pretty: "Flatcar Container Linux by Kinvolk 4230.2.0"}
	case strings.Contains(name, "al2023"):
		return system{id: "amzn", version: "2023", pretty: "Amazon Linux 2023"}
	case strings.Contains(name, "debian-13"), strings.Contains(name, "trixie"):
		return system{id: "debian", version: "13", codename: "trixie", pretty: "Debian GNU/Linux 13 (trixie)"}
	case strings.Contains(name, "debian"):
		return system{id: "debian", version: "12", codename: "bookworm", pretty: "Debian GNU/Linux 12 (bookworm)"}
	case strings.Contains(name, "22.04"), strings.Contains(name, "jammy"):
		return system{id: "ubuntu", version: "22.04", codename: "jammy", pretty: "Ubuntu 22.04 LTS"}
	}
	return system{id: "ubuntu", version: "24.04", codename: "noble", pretty: "Ubuntu 24.04 LTS"}
}
