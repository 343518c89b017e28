package ssm

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const (
	publicPrefix = "/aws/service/"

	typeString       = "String"
	typeSecureString = "SecureString"

	// keptVersions is how many versions of a parameter AWS keeps.
	keptVersions = 100
)

// World is the parameter store of one account, in all regions.
type World struct {
	env *wire.Env

	mu      sync.Mutex
	regions map[string]map[string]*parameter // by region and key
}

// parameter is one with its versions, oldest first.
type parameter struct {
	name     string
	public   bool
	tags     map[string]string
	versions []version
}

type version struct {
	number  int64
	kind    string
	value   string
	written time.Time
}

// New returns an empty parameter store.
func New(env *wire.Env) *World {
	return &World{env: env, regions: map[string]map[string]*parameter{}}
}

// SetPublic publishes value under a name that begins with /aws/service/, as the makers
// of images do, and replaces what was published there before.
func (w *World) SetPublic(region, name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.find(region, name)
	if p == nil {
		p = w.add(region, name)
		p.public = true
	}
	p.write(typeString, value, w.env.Clock.Now())
}

// RemovePublic takes a public parameter away, as happens when an image is withdrawn.
func (w *World) RemovePublic(region, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.regions[region], key(name))
}

// Value returns what a parameter holds, decrypted, and whether it exists.
func (w *World) Value(region, name string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.find(region, name)
	if p == nil {
		return "", false
	}
	return p.newest().value, true
}

// Names returns the names of the account's own parameters of a region, in order.
func (w *World) Names(region string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, p := range w.regions[region] {
		if !p.public {
			out = append(out, p.name)
		}
	}
	slices.Sort(out)
	return out
}

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "ssm", Protocol: wire.JSON11, Namespace: "com.amazonaws.ssm",
		Actions: map[string]wire.Action{
			"GetParameter":        wire.Do(w.getParameter),
			"GetParameters":       wire.Do(w.getParameters),
			"GetParametersByPath": wire.Do(w.getParametersByPath),
			"PutParameter":        wire.Do(w.putParameter),
			"DeleteParameter":     wire.Do(w.deleteParameter),
			"DeleteParameters":    wire.Do(w.deleteParameters),
			"AddTagsToResource":   wire.Do(w.addTags),
			"ListTagsForResource": wire.Do(w.listTags),
		},
	}
}

// key is how parameters are told apart. "/a" and "a" have one ARN, so they are one.
func key(name string) string {
	return strings.TrimPrefix(name, "/")
}

func (w *World) find(region, name string) *parameter {
	return w.regions[region][key(name)]
}

func (w *World) add(region, name string) *parameter {
	if w.regions[region] == nil {
		w.regions[region] = map[string]*parameter{}
	}
	p := &parameter{name: name}
	w.regions[region][key(name)] = p
	return p
}

func (p *parameter) newest() version {
	return p.versions[len(p.versions)-1]
}

// write adds a version and forgets the oldest beyond those that are kept.
func (p *parameter) write(kind, value string, now time.Time) {
	var number int64 = 1
	if len(p.versions) > 0 {
		number = p.newest().number + 1
	}
	p.versions = append(p.versions, version{number: number, kind: kind, value: value, written: now})
	if extra := len(p.versions) - keptVersions; extra > 0 {
		p.versions = slices.Delete(p.versions, 0, extra)
	}
}

// arn of a parameter. Public ones belong to nobody's account.
func (w *World) arn(region, name string) string {
	arn := w.env.ARN("ssm", region, "parameter/"+key(name))
	if strings.HasPrefix("/"+key(name), publicPrefix) {
		return strings.Replace(arn, ":"+w.env.Account+":", "::", 1)
	}
	return arn
}

// resource is the parameter of that name, or the one that would be there.
func (w *World) resource(region, name string) wire.Resource {
	out := wire.Resource{ARN: w.arn(region, name), Keys: wire.Keys{}}
	if p := w.find(region, name); p != nil {
		for key, value := range p.tags {
			out.Keys["aws:ResourceTag/"+key] = []string{value}
			out.Keys["ssm:resourceTag/"+key] = []string{value}
		}
	}
	return out
}

func notFound(name string) error {
	return wire.Errorf("ParameterNotFound", "Parameter %s not found.", name)
}
