package instance

import (
	"net/netip"
	"slices"
	"strings"
)

// NodeNames are all the names that a node on the instance may register with, every one of
// them EC2's or computed from what EC2 says, so that no other instance of the cluster has
// it: NodeName in both forms, EC2's private DNS name, and the first label of each, which is
// the host name of an image that nobody told another. The first is NodeName of the address.
// Names that need an address are missing while EC2 has not said it.
func (i Instance) NodeNames(region string) []string {
	var names []string
	add := func(name string) {
		host, _, _ := strings.Cut(name, ".")
		for _, n := range []string{name, host} {
			if n != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if i.PrivateIP.Is4() {
		add(NodeName(i.PrivateIP, i.ID, region, false))
	}
	add(NodeName(i.PrivateIP, i.ID, region, true))
	add(strings.ToLower(i.PrivateName))
	return names
}

// Addresses are all of the instance's private addresses, each once.
func (i Instance) Addresses() []netip.Addr {
	var addresses []netip.Addr
	for _, a := range append([]netip.Addr{i.PrivateIP}, i.PrivateIPs...) {
		if a = a.Unmap(); a.IsValid() && !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	return addresses
}
