package ssm

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// shape is a parameter as answers describe it.
type shape struct {
	Name             string
	Type             string
	Value            string
	Version          int64
	Selector         string  `json:",omitempty"`
	LastModifiedDate float64 // seconds since 1970
	ARN              string
	DataType         string
}

// show renders a version. Without decryption a secret is some text that is not it.
func (w *World) show(region string, p *parameter, v version, decrypt bool) shape {
	value := v.value
	if v.kind == typeSecureString && !decrypt {
		value = base64.StdEncoding.EncodeToString([]byte("encrypted by the account's key: " + w.env.UUID()))
	}
	return shape{
		Name: p.name, Type: v.kind, Value: value, Version: v.number, DataType: "text",
		LastModifiedDate: float64(v.written.UnixMilli()) / 1000, ARN: w.arn(region, p.name),
	}
}

// split divides "name:3" into name and version; a name as ARN keeps its colons. Version
// 0 is the newest. Labels are not modelled.
func split(nameOrARN string) (name string, number int64, err error) {
	name = nameOrARN
	if strings.HasPrefix(name, "arn:") {
		_, after, ok := strings.Cut(name, ":parameter/")
		if !ok {
			return "", 0, wire.Errorf("ValidationException", "Invalid parameter ARN %s", nameOrARN)
		}
		name = "/" + after
	}
	name, selector, selected := strings.Cut(name, ":")
	if selected {
		if number, err = strconv.ParseInt(selector, 10, 64); err != nil || number < 1 {
			return "", 0, wire.Errorf("ValidationException", "The selector %q is not modelled: only version numbers are", selector)
		}
	}
	return name, number, nil
}

// pick returns the parameter and its version.
func (w *World) pick(region, name string, number int64) (*parameter, version, error) {
	p := w.find(region, name)
	if p == nil {
		return nil, version{}, notFound(name)
	}
	if number == 0 {
		return p, p.newest(), nil
	}
	i := slices.IndexFunc(p.versions, func(v version) bool { return v.number == number })
	if i < 0 {
		return nil, version{}, wire.Errorf("ParameterVersionNotFound", "Systems Manager could not find version %d of %s.", number, name)
	}
	return p, p.versions[i], nil
}

type getInput struct {
	Name           string `param:",required"`
	WithDecryption bool
}

type getOutput struct {
	Parameter shape
}

func (w *World) getParameter(c *wire.Call, in getInput) (*getOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, number, err := split(in.Name)
	if err != nil {
		return nil, err
	}
	if err := c.Authorize(w.resource(c.Region, name)); err != nil {
		return nil, err
	}
	p, v, err := w.pick(c.Region, name, number)
	if err != nil {
		return nil, err
	}
	out := w.show(c.Region, p, v, in.WithDecryption)
	if number != 0 {
		out.Selector = ":" + strconv.FormatInt(number, 10)
	}
	return &getOutput{out}, nil
}

type getManyInput struct {
	Names          []string `param:",required"`
	WithDecryption bool
}

type getManyOutput struct {
	Parameters        []shape
	InvalidParameters []string
}

func (w *World) getParameters(c *wire.Call, in getManyInput) (*getManyOutput, error) {
	if err := checkNames(in.Names); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	resources := make([]wire.Resource, 0, len(in.Names))
	for _, full := range in.Names {
		name, _, err := split(full)
		if err != nil {
			return nil, err
		}
		resources = append(resources, w.resource(c.Region, name))
	}
	if err := c.Authorize(resources...); err != nil {
		return nil, err
	}
	out := &getManyOutput{Parameters: []shape{}, InvalidParameters: []string{}}
	for _, full := range in.Names {
		name, number, _ := split(full) // was split above
		p, v, err := w.pick(c.Region, name, number)
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, full)
			continue
		}
		out.Parameters = append(out.Parameters, w.show(c.Region, p, v, in.WithDecryption))
	}
	return out, nil
}

func checkNames(names []string) error {
	if len(names) > 10 {
		return wire.Errorf("ValidationException", "Value at 'names' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	return nil
}

type byPathInput struct {
	Path           string `param:",required"`
	Recursive      bool
	WithDecryption bool
	MaxResults     *int
	NextToken      string
}

type byPathOutput struct {
	Parameters []shape
	NextToken  string `json:",omitempty"`
}

// pageSize is the most and the default of GetParametersByPath.
const pageSize = 10

func (w *World) getParametersByPath(c *wire.Call, in byPathInput) (*byPathOutput, error) {
	size := pageSize
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if size < 1 || size > pageSize {
		return nil, wire.Errorf("ValidationException", "Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", size, pageSize)
	}
	if !strings.HasPrefix(in.Path, "/") {
		return nil, wire.Errorf("ValidationException", "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	folder := strings.TrimSuffix(in.Path, "/")
	if err := c.Authorize(wire.Resource{ARN: w.arn(c.Region, folder)}); err != nil {
		return nil, err
	}
	names := w.below(c.Region, folder, in.Recursive)
	names = slices.DeleteFunc(names, func(name string) bool { return name <= in.NextToken })
	out := &byPathOutput{Parameters: []shape{}}
	for i, name := range names {
		if i == size {
			out.NextToken = names[i-1]
			break
		}
		p := w.find(c.Region, name)
		out.Parameters = append(out.Parameters, w.show(c.Region, p, p.newest(), in.WithDecryption))
	}
	return out, nil
}

// below returns the names of parameters in a folder, in order. Public ones are listed
// only by a path of theirs.
func (w *World) below(region, folder string, recursive bool) []string {
	var out []string
	for _, p := range w.regions[region] {
		rest, inside := strings.CutPrefix(p.name, folder+"/")
		if !inside || !recursive && strings.Contains(rest, "/") || p.public && !strings.HasPrefix(folder+"/", publicPrefix) {
			continue
		}
		out = append(out, p.name)
	}
	slices.Sort(out)
	return out
}
