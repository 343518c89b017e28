package hollow

import (
	"net/url"

	"k8s.io/client-go/rest"
)

// servers are the hosts of a cluster's API server, which every node reaches, whatever else it does.
func servers(cluster *rest.Config) []string {
	if cluster == nil {
		return nil
	}
	address, _, err := rest.DefaultServerUrlFor(cluster)
	if err != nil {
		return nil // whoever plays pods with it says what is wrong
	}
	return []string{(&url.URL{Host: address.Host}).Hostname()}
}
