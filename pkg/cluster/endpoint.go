package cluster

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const (
	portHTTPS     = "443"
	portAPIServer = "6443" // kubeadm's default where controlPlaneEndpoint has no port
)

// ParseServerURL returns host:port of the API server that an absolute URL names, as the
// CLUSTER_ENDPOINT flag and a kubeconfig's server do; https means port 443 where none is given.
func ParseServerURL(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("endpoint %q is not an absolute URL such as https://api.example.com:6443: %w", server, err)
	}
	if u.Scheme != "https" || u.Hostname() == "" {
		return "", fmt.Errorf("endpoint %q is not an absolute URL such as https://api.example.com:6443", server)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", fmt.Errorf("endpoint %q names more than a host and a port, which nodes cannot use", server)
	}
	return join(u.Hostname(), u.Port(), portHTTPS)
}

// ParseControlPlaneEndpoint returns host:port of kubeadm's controlPlaneEndpoint, whose port
// is 6443 where none is given.
func ParseControlPlaneEndpoint(endpoint string) (string, error) {
	u, err := url.Parse("//" + endpoint)
	if err != nil || u.Hostname() == "" || u.Host != endpoint {
		return "", fmt.Errorf("controlPlaneEndpoint %q is not <host> or <host>:<port>", endpoint)
	}
	return join(u.Hostname(), u.Port(), portAPIServer)
}

func join(host, port, otherwise string) (string, error) {
	if port == "" {
		port = otherwise
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("port %q of endpoint %s is not a number from 1 to 65535", port, host)
	}
	return net.JoinHostPort(host, port), nil
}

// Host returns the host of host:port, without the brackets of an IPv6 address.
func Host(endpoint string) string {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return endpoint
	}
	return host
}
