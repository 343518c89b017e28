package awsfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Handler answers AWS's API and, under /_awsfake/, the control of the account for tests that
// run in another process. Control takes and gives JSON; regions default to Options.Region:
//
//	GET    /_awsfake/instances?region=       what runs, visible to AWS's callers or not
//	GET    /_awsfake/changes?region=&since=  what changed since a moment (0: ever), and the present moment
//	GET    /_awsfake/calls                   how often each action was called
//	DELETE /_awsfake/calls
//	POST   /_awsfake/faults                  a Trouble to come
//	DELETE /_awsfake/faults
//	POST   /_awsfake/limits                  a list of wire.Limit, in place of those before
//	POST   /_awsfake/capacity                a Capacity
//	DELETE /_awsfake/capacity?region=        all pools are bottomless again
//	POST   /_awsfake/delays                  ec2.Delays, in nanoseconds
//	POST   /_awsfake/credentials?region=&id= Credentials of the instance's role, for its metadata service
//	POST   /_awsfake/console?region=&id=     the body is the instance's console output
//	POST   /_awsfake/instances/terminate?region=&id=   by hand; also .../stop and .../reclaim
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.Server)
	for pattern, do := range map[string]func(*http.Request) (any, error){
		"GET /_awsfake/instances":            s.controlInstances,
		"GET /_awsfake/changes":              s.controlChanges,
		"GET /_awsfake/calls":                func(*http.Request) (any, error) { return s.Counts(), nil },
		"DELETE /_awsfake/calls":             doing(s.ResetCalls),
		"POST /_awsfake/faults":              taking(s.inject),
		"DELETE /_awsfake/faults":            doing(s.ClearFaults),
		"POST /_awsfake/limits":              taking(func(of []wire.Limit) error { s.SetLimits(of...); return nil }),
		"POST /_awsfake/capacity":            taking(s.setCapacity),
		"DELETE /_awsfake/capacity":          func(r *http.Request) (any, error) { return nothing{}, s.EC2.ClearCapacity(s.regionOf(r)) },
		"POST /_awsfake/delays":              taking(func(d ec2.Delays) error { s.EC2.SetDelays(d); return nil }),
		"POST /_awsfake/console":             s.controlConsole,
		"POST /_awsfake/credentials":         s.controlCredentials,
		"POST /_awsfake/instances/terminate": s.controlling(s.EC2.Terminate),
		"POST /_awsfake/instances/stop":      s.controlling(s.EC2.Stop),
		"POST /_awsfake/instances/reclaim":   s.controlling(s.EC2.Reclaim),
	} {
		mux.HandleFunc(pattern, control(do))
	}
	return mux
}

// Trouble is a wire.Fault as control takes it.
type Trouble struct {
	Action  string `json:"action"` // empty is any
	After   bool   `json:"after"`  // the effect happens, the answer does not
	Skip    int    `json:"skip"`
	Times   int    `json:"times"` // 0 is one, negative is all to come
	Delay   string `json:"delay"` // as in "1.5s"
	Drop    bool   `json:"drop"`  // close the connection
	Code    string `json:"code"`  // answer this error
	Message string `json:"message"`
	Status  int    `json:"status"` // HTTP; 0 is 400
}

func (s *Server) inject(t Trouble) error {
	f := wire.Fault{Action: t.Action, Skip: t.Skip, Times: t.Times, Drop: t.Drop}
	if t.After {
		f.Stage = wire.After
	}
	if t.Code != "" {
		f.Answer = &wire.Error{Code: t.Code, Message: t.Message, Status: t.Status}
	}
	if t.Delay != "" {
		d, err := time.ParseDuration(t.Delay)
		if err != nil {
			return fmt.Errorf("delay: %w", err)
		}
		f.Delay = d
	}
	s.Inject(f)
	return nil
}

// Capacity is what a pool can still start, as control takes it; see ec2.World.SetCapacity and
// SetRefusal. Empty fields of the pool stand for every value.
type Capacity struct {
	Region       string `json:"region"`
	Type         string `json:"type"`
	Zone         string `json:"zone"`
	CapacityType string `json:"capacityType"`
	Count        int    `json:"count"`
	Code         string `json:"code"` // refuse with this error instead
	Message      string `json:"message"`
}

func (s *Server) setCapacity(c Capacity) error {
	pool, region := ec2.Pool{Type: c.Type, Zone: c.Zone, CapacityType: c.CapacityType}, orElse(c.Region, s.options.Region)
	if c.Code != "" {
		return s.EC2.SetRefusal(region, pool, c.Code, c.Message)
	}
	return s.EC2.SetCapacity(region, pool, c.Count)
}

func (s *Server) regionOf(r *http.Request) string {
	return orElse(r.URL.Query().Get("region"), s.options.Region)
}

func (s *Server) controlInstances(r *http.Request) (any, error) {
	return s.EC2.Instances(s.regionOf(r))
}

// Changes is what control answers of instances that changed.
type Changes struct {
	Now       uint64       `json:"now"`
	Instances []ec2.Change `json:"instances"`
}

func (s *Server) controlChanges(r *http.Request) (any, error) {
	since, err := strconv.ParseUint(r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("since: %w", err)
	}
	changed, now, err := s.EC2.Changes(s.regionOf(r), since)
	return Changes{Now: now, Instances: changed}, err
}

func (s *Server) controlConsole(r *http.Request) (any, error) {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading the console's text: %w", err)
	}
	return nothing{}, s.EC2.SetConsoleOutput(s.regionOf(r), r.URL.Query().Get("id"), text)
}

// controlling makes a control of something that is done to one instance.
func (s *Server) controlling(do func(region, id string) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) { return nothing{}, do(s.regionOf(r), r.URL.Query().Get("id")) }
}

// nothing is the answer of what answers nothing: {}.
type nothing struct{}

// doing makes a control of something that always works.
func doing(do func()) func(*http.Request) (any, error) {
	return func(*http.Request) (any, error) {
		do()
		return nothing{}, nil
	}
}

// taking makes a control of something that takes a JSON value.
func taking[In any](do func(In) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var in In
		dec := json.NewDecoder(r.Body)
		dec.DisallowUnknownFields()
		if err := dec.Decode(&in); err != nil {
			return nil, fmt.Errorf("decoding the request: %w", err)
		}
		return nothing{}, do(in)
	}
}

// control answers what do returns, or 400 with its error.
func control(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := do(r)
		var body []byte
		if err == nil {
			body, err = json.Marshal(out)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // a caller that went away is no error of ours
	}
}
