// Package zonalshift pretends the part of ARC zonal shift that a controller asks to learn which
// zones traffic is shifted away from: GetManagedResource.
//
// It has the resources that a test registers and the shifts that it starts, in memory. What is
// not registered is answered with ResourceNotFoundException.
package zonalshift

import (
	"net/http"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// World is the zonal shifts of one account, in all regions.
type World struct {
	env *wire.Env

	mu        sync.Mutex
	resources map[string][]shift // by ARN
}

type shift struct {
	id, zoneID      string
	started, expiry time.Time
}

// New returns a world in which nothing is registered.
func New(env *wire.Env) *World { return &World{env: env, resources: map[string][]shift{}} }

// Register makes a resource one whose zones can be shifted away from.
func (w *World) Register(arn string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resources[arn] = nil
}

// Shift moves a registered resource away from a zone, named by its id ("apne2-az1"), for a while.
func (w *World) Shift(arn, zoneID string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.env.Clock.Now()
	w.resources[arn] = append(w.resources[arn], shift{w.env.UUID(), zoneID, now, now.Add(d)})
}

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "arc-zonal-shift", Protocol: wire.RESTJSON, Namespace: "com.amazonaws.arczonalshift",
		Actions: map[string]wire.Action{"GetManagedResource": wire.Do(w.getManagedResource)},
		Routes:  map[string]string{"GET /managedresources/{resourceIdentifier}": "GetManagedResource"},
	}
}

type getInput struct {
	Resource string `json:"resourceIdentifier" param:",required"`
}

type getOutput struct {
	ARN            string             `json:"arn"`
	Name           string             `json:"name"`
	AppliedWeights map[string]float64 `json:"appliedWeights"`
	ZonalShifts    []shiftItem        `json:"zonalShifts"`
}

type shiftItem struct {
	AppliedStatus string  `json:"appliedStatus"`
	AwayFrom      string  `json:"awayFrom"`
	Comment       string  `json:"comment"`
	ExpiryTime    float64 `json:"expiryTime"` // seconds since 1970
	Resource      string  `json:"resourceIdentifier"`
	StartTime     float64 `json:"startTime"`
	ID            string  `json:"zonalShiftId"`
}

func (w *World) getManagedResource(c *wire.Call, in getInput) (*getOutput, error) {
	if err := c.Authorize(wire.Resource{ARN: in.Resource}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	shifts, ok := w.resources[in.Resource]
	if !ok {
		return nil, &wire.Error{Code: "ResourceNotFoundException", Message: "The resource " + in.Resource + " is not registered", Status: http.StatusNotFound}
	}
	out := &getOutput{ARN: in.Resource, Name: in.Resource, AppliedWeights: map[string]float64{}, ZonalShifts: []shiftItem{}}
	for _, s := range shifts {
		if !s.expiry.After(c.Time) {
			continue
		}
		out.ZonalShifts = append(out.ZonalShifts, shiftItem{
			AppliedStatus: "APPLIED", AwayFrom: s.zoneID, ExpiryTime: float64(s.expiry.Unix()), Resource: in.Resource, StartTime: float64(s.started.Unix()), ID: s.id,
		})
	}
	return out, nil
}
