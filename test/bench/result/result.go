// Package result is what a bench run found, in the form that it is kept: rows of one scenario
// by one controller each, with what they were measured under. It does no I/O and remembers nothing.
package result

import "time"

// Run is everything that one run of the bench found.
type Run struct {
	Started time.Time `json:"started"`
	// Machine says what it ran on: cores, memory.
	Machine string `json:"machine"`
	// Conditions are sentences that a reader needs to judge the numbers.
	Conditions []string `json:"conditions"`
	Rows       []Row    `json:"rows"`
}

// Row is one scenario by one controller.
type Row struct {
	Scenario string `json:"scenario"`
	// Controller is the name of the column: "ours", "official", "ours-own".
	Controller string `json:"controller"`
	Round      int    `json:"round"`
	N          int    `json:"n"`
	// Unfinished says why the scenario did not come to its end; empty when it did. What was
	// measured until then is in the row all the same.
	Unfinished string        `json:"unfinished,omitempty"`
	Took       time.Duration `json:"took"`

	// Phases are times since pods were pending: "launched", "registered", "running".
	Phases []Phase `json:"phases,omitempty"`
	Use    Use     `json:"use"`
	AWS    []Call  `json:"aws"`
	// API are requests to the Kubernetes API server by verb.
	API map[string]int `json:"api"`
	// Refused are those of them that were not answered as hoped, as in "409 patch nodeclaims/status".
	Refused map[string]int `json:"refused,omitempty"`
	Exact   Exact          `json:"exact"`
	// Notes are scenario's own findings, by name, such as "pods lost".
	Notes map[string]float64 `json:"notes,omitempty"`
}

// Phase is how long things took to come to a point.
type Phase struct {
	Name  string        `json:"name"`
	Count int           `json:"count"`
	P50   time.Duration `json:"p50"`
	P95   time.Duration `json:"p95"`
	P99   time.Duration `json:"p99"`
	Last  time.Duration `json:"last"`
}

// Use is what the controller's process used.
type Use struct {
	CPU        time.Duration `json:"cpu"`        // user and system, in the scenario
	PeakRSS    int64         `json:"peakRSS"`    // bytes, in the scenario
	SettledRSS int64         `json:"settledRSS"` // bytes, at its end
	Heap       int64         `json:"heap"`       // bytes in use at its end, garbage included
}

// Call is how often an action of AWS's API was called.
type Call struct {
	Service   string `json:"service"`
	Action    string `json:"action"`
	Count     int    `json:"count"`
	Throttled int    `json:"throttled"` // of Count
	Failed    int    `json:"failed"`    // of Count, for other reasons
}

// Exact is whether there is neither too much nor too little at the end.
type Exact struct {
	Instances int `json:"instances"` // that cost money
	Claims    int `json:"claims"`
	Nodes     int `json:"nodes"`
	Launched  int `json:"launched"` // instances in the scenario, those that are gone again too
	// Cost is that of the instances in USD per hour; Bound is a cost that nothing can undercut.
	Cost  float64 `json:"cost"`
	Bound float64 `json:"bound"`
}

// Equal reports whether instances, claims and nodes are as many.
func (e Exact) Equal() bool { return e.Instances == e.Claims && e.Claims == e.Nodes }

// EC2Calls is the number of calls to EC2, those that were throttled too.
func (r Row) EC2Calls() int {
	n := 0
	for _, c := range r.AWS {
		if c.Service == "ec2" {
			n += c.Count
		}
	}
	return n
}

// Throttles is how many calls of any service were throttled.
func (r Row) Throttles() int {
	n := 0
	for _, c := range r.AWS {
		n += c.Throttled
	}
	return n
}

// APIRequests is the number of requests to the API server.
func (r Row) APIRequests() int {
	n := 0
	for _, count := range r.API {
		n += count
	}
	return n
}

// Phase returns the phase of that name; the zero Phase where there is none.
func (r Row) Phase(name string) Phase {
	for _, p := range r.Phases {
		if p.Name == name {
			return p
		}
	}
	return Phase{}
}
