package iam

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type createRoleInput struct {
	RoleName                 string `param:",required"`
	AssumeRolePolicyDocument string `param:",required"`
	Path                     string
	Description              string
	MaxSessionDuration       int64
	Tags                     []tag
}

type roleOutput struct {
	Role roleShape
}

type roleShape struct {
	Path                     string
	RoleName                 string
	ID                       string `xml:"RoleId"`
	Arn                      string
	CreateDate               time.Time
	AssumeRolePolicyDocument string
	Description              string `xml:",omitempty"`
	MaxSessionDuration       int64
	Tags                     []tag `xml:"Tags>member,omitempty"`
}

func (w *World) createRole(c *wire.Call, in createRoleInput) (*roleOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	if in.Path == "" {
		in.Path = "/"
	}
	if err := checkRole(in); err != nil {
		return nil, err
	}
	r := &role{
		name: in.RoleName, path: in.Path, trust: in.AssumeRolePolicyDocument, description: in.Description,
		tags: tags, session: max(in.MaxSessionDuration, 3600),
	}
	if err := c.Authorize(wire.Resource{ARN: w.roleARN(r), Keys: requestKeys(tags)}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.roles[in.RoleName] != nil {
		return nil, &wire.Error{
			Code: "EntityAlreadyExists", Status: http.StatusConflict,
			Message: "Role with name " + in.RoleName + " already exists.",
		}
	}
	r.id, r.created = w.env.ID("AROA"), c.Time
	w.roles[in.RoleName] = r
	return &roleOutput{w.roleShape(r)}, nil
}

func checkRole(in createRoleInput) error {
	if err := checkName("roleName", in.RoleName, 64); err != nil {
		return err
	}
	if err := checkPath(in.Path); err != nil {
		return err
	}
	if !json.Valid([]byte(in.AssumeRolePolicyDocument)) {
		return wire.Errorf("MalformedPolicyDocument", "This policy contains invalid Json")
	}
	if in.MaxSessionDuration != 0 && (in.MaxSessionDuration < 3600 || in.MaxSessionDuration > 43200) {
		return wire.Errorf("ValidationError", "MaxSessionDuration must be from 3600 to 43200")
	}
	return nil
}

type getRoleInput struct {
	RoleName string `param:",required"`
}

func (w *World) getRole(c *wire.Call, in getRoleInput) (*roleOutput, error) {
	if err := checkName("roleName", in.RoleName, 64); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.roles[in.RoleName]
	if err := c.Authorize(w.roleResource(in.RoleName)); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, noSuchRole(in.RoleName)
	}
	return &roleOutput{w.roleShape(r)}, nil
}

// roleResource is the role of that name, or the one that would be there; IAM asks for
// permission before it tells whether there is one.
func (w *World) roleResource(name string) wire.Resource {
	if r := w.roles[name]; r != nil {
		return wire.Resource{ARN: w.roleARN(r), Keys: resourceKeys(r.tags)}
	}
	return wire.Resource{ARN: w.env.ARN("iam", "", "role/"+name)}
}

func noSuchRole(name string) error {
	return &wire.Error{
		Code: "NoSuchEntity", Status: http.StatusNotFound,
		Message: "The role with name " + name + " cannot be found.",
	}
}

func (w *World) roleShape(r *role) roleShape {
	return roleShape{
		Path: r.path, RoleName: r.name, ID: r.id, Arn: w.roleARN(r), CreateDate: r.created.UTC(),
		AssumeRolePolicyDocument: url.QueryEscape(r.trust), Description: r.description,
		MaxSessionDuration: r.session, Tags: tagList(r.tags),
	}
}
