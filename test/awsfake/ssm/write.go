package ssm

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const (
	// longestValue of a standard parameter, in bytes.
	longestValue = 4096
	longestName  = 1011
	deepest      = 15
)

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_./-]+$`)

type putInput struct {
	Name        string `param:",required"`
	Value       string `param:",required"`
	Type        string
	Description string
	Overwrite   bool
	Tags        []tag
	Tier        string
	DataType    string
}

type putOutput struct {
	Tier    string
	Version int64
}

func (w *World) putParameter(c *wire.Call, in putInput) (*putOutput, error) {
	if err := checkPut(in); err != nil {
		return nil, err
	}
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.mayPut(c, in, tags); err != nil {
		return nil, err
	}
	p := w.find(c.Region, in.Name)
	switch {
	case p == nil && in.Type == "":
		return nil, wire.Errorf("ValidationException", "A parameter type is required when you create a parameter.")
	case p == nil:
		p = w.add(c.Region, in.Name)
		p.tags = tags
	case !in.Overwrite:
		return nil, wire.Errorf("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case in.Type == "":
		in.Type = p.newest().kind
	}
	p.write(in.Type, in.Value, c.Time)
	return &putOutput{Tier: "Standard", Version: p.newest().number}, nil
}

// mayPut asks for the permission to write, and for the one to tag where there are tags.
func (w *World) mayPut(c *wire.Call, in putInput, tags map[string]string) error {
	resource := w.resource(c.Region, in.Name)
	maps.Copy(resource.Keys, requestKeys(tags))
	resource.Keys["ssm:Overwrite"] = []string{strconv.FormatBool(in.Overwrite)}
	if err := c.Authorize(resource); err != nil {
		return err
	}
	if len(tags) == 0 {
		return nil
	}
	return c.AuthorizeAs("ssm:AddTagsToResource", nil, resource)
}

func checkPut(in putInput) error {
	if err := checkName(in.Name); err != nil {
		return err
	}
	switch {
	case in.Type != "" && !slices.Contains([]string{typeString, "StringList", typeSecureString}, in.Type):
		return wire.Errorf("UnsupportedParameterType", "The parameter type %s is not supported.", in.Type)
	case !slices.Contains([]string{"", "Standard"}, in.Tier):
		return wire.Errorf("ValidationException", "The tier %s is not modelled", in.Tier)
	case !slices.Contains([]string{"", "text"}, in.DataType):
		return wire.Errorf("ValidationException", "The data type %s is not modelled", in.DataType)
	case len(in.Value) > longestValue:
		return wire.Errorf("ValidationException", "Standard tier parameters support a maximum parameter value of %d characters.", longestValue)
	case in.Overwrite && len(in.Tags) > 0:
		return wire.Errorf("ValidationException", "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag.")
	}
	return nil
}

func checkName(name string) error {
	switch {
	case !nameForm.MatchString(name), len(name) > longestName:
		return wire.Errorf("ValidationException", "Parameter name must be at most %d of the characters a-zA-Z0-9_.-/", longestName)
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return wire.Errorf("ValidationException", "Parameter name must be a fully qualified name: a name that contains / begins with one.")
	case strings.Count(name, "/") > deepest:
		return wire.Errorf("HierarchyLevelLimitExceededException", "A hierarchy can have at most %d levels.", deepest)
	case reserved(name):
		return wire.Errorf("AccessDeniedException", "No access to reserved parameter name: %s.", name)
	}
	return nil
}

// reserved names begin with aws or ssm, whatever the case.
func reserved(name string) bool {
	name = strings.ToLower(strings.TrimPrefix(name, "/"))
	return strings.HasPrefix(name, "aws") || strings.HasPrefix(name, "ssm")
}

type deleteInput struct {
	Name string `param:",required"`
}

type empty struct{}

func (w *World) deleteParameter(c *wire.Call, in deleteInput) (*empty, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := c.Authorize(w.resource(c.Region, in.Name)); err != nil {
		return nil, err
	}
	if !w.remove(c.Region, in.Name) {
		return nil, notFound(in.Name)
	}
	return &empty{}, nil
}

// remove takes away one of the account's own parameters, if it is there.
func (w *World) remove(region, name string) bool {
	p := w.find(region, name)
	if p == nil || p.public {
		return false
	}
	delete(w.regions[region], key(name))
	return true
}

type deleteManyInput struct {
	Names []string `param:",required"`
}

type deleteManyOutput struct {
	DeletedParameters []string
	InvalidParameters []string
}

func (w *World) deleteParameters(c *wire.Call, in deleteManyInput) (*deleteManyOutput, error) {
	if err := checkNames(in.Names); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	resources := make([]wire.Resource, 0, len(in.Names))
	for _, name := range in.Names {
		resources = append(resources, w.resource(c.Region, name))
	}
	if err := c.Authorize(resources...); err != nil {
		return nil, err
	}
	out := &deleteManyOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if w.remove(c.Region, name) {
			out.DeletedParameters = append(out.DeletedParameters, name)
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}
