// Package eks pretends the part of EKS that tells of a cluster: DescribeCluster, which AWS's own
// Karpenter asks where it is not told the endpoint, or is told that EKS runs the control plane.
//
// It has the clusters that a test adds, in memory. Without any it answers, as EKS does for a
// cluster that is not its own, ResourceNotFoundException.
package eks

import (
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Cluster is one that EKS would run.
type Cluster struct {
	Name, Endpoint, Version string
	CA                      []byte // PEM
	ServiceCIDR             string
}

// World is the EKS of one account, in all regions.
type World struct {
	env *wire.Env

	mu       sync.Mutex
	clusters map[place]known
}

// place is where a cluster is.
type place struct{ region, name string }

type known struct {
	Cluster
	created time.Time
}

// New returns an EKS without clusters.
func New(env *wire.Env) *World { return &World{env: env, clusters: map[place]known{}} }

// AddCluster makes a cluster known in a region, in the place of one of its name, and returns its ARN.
func (w *World) AddCluster(region string, c Cluster) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clusters[place{region, c.Name}] = known{c, w.env.Clock.Now()}
	return w.arn(place{region, c.Name})
}

func (w *World) arn(at place) string { return w.env.ARN("eks", at.region, "cluster/"+at.name) }

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "eks", Protocol: wire.RESTJSON, Namespace: "com.amazonaws.eks",
		Actions: map[string]wire.Action{"DescribeCluster": wire.Do(w.describeCluster)},
		Routes:  map[string]string{"GET /clusters/{name}": "DescribeCluster"},
	}
}

type describeInput struct {
	Name string `json:"name" param:",required"`
}

type describeOutput struct {
	Cluster clusterItem `json:"cluster"`
}

type clusterItem struct {
	Name        string      `json:"name"`
	ARN         string      `json:"arn"`
	CreatedAt   float64     `json:"createdAt"` // seconds since 1970
	Version     string      `json:"version"`
	Endpoint    string      `json:"endpoint"`
	Status      string      `json:"status"`
	Authority   authority   `json:"certificateAuthority"`
	Network     network     `json:"kubernetesNetworkConfig"`
	ZonalShifts zonalShifts `json:"zonalShiftConfig"`
}

type authority struct {
	Data string `json:"data"`
}

type network struct {
	ServiceIPv4CIDR string `json:"serviceIpv4Cidr"`
	IPFamily        string `json:"ipFamily"`
}

type zonalShifts struct {
	Enabled bool `json:"enabled"`
}

func (w *World) describeCluster(c *wire.Call, in describeInput) (*describeOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := place{c.Region, in.Name}
	if err := c.Authorize(wire.Resource{ARN: w.arn(at)}); err != nil {
		return nil, err
	}
	found, ok := w.clusters[at]
	if !ok {
		return nil, &wire.Error{Code: "ResourceNotFoundException", Message: "No cluster found for name: " + in.Name + ".", Status: http.StatusNotFound}
	}
	return &describeOutput{clusterItem{
		Name: found.Name, ARN: w.arn(at), CreatedAt: float64(found.created.Unix()), Version: found.Version, Endpoint: found.Endpoint, Status: "ACTIVE",
		Authority: authority{base64.StdEncoding.EncodeToString(found.CA)}, Network: network{found.ServiceCIDR, "ipv4"}, ZonalShifts: zonalShifts{true},
	}}, nil
}
