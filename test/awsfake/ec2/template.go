package ec2

import (
	"regexp"
	"strconv"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// template is a launch template. It has one version: CreateLaunchTemplateVersion is not modelled.
type template struct {
	base
	name, description string
	created           time.Time
	visibleAt         time.Time
	data              launchData
	tags              map[string]map[string]string // of what it launches, by resource type
}

// templateName is EC2's rule for names.
var templateName = regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`)

type templateItem struct {
	ID             string    `xml:"launchTemplateId"`
	Name           string    `xml:"launchTemplateName"`
	CreateTime     string    `xml:"createTime"`
	CreatedBy      string    `xml:"createdBy"`
	DefaultVersion int       `xml:"defaultVersionNumber"`
	LatestVersion  int       `xml:"latestVersionNumber"`
	Tags           []tagItem `xml:"tagSet>item"`
}

func (r *region) templateItem(t *template) templateItem {
	return templateItem{
		ID: t.ID, Name: t.name, CreateTime: stamp(t.created), CreatedBy: r.root(),
		DefaultVersion: 1, LatestVersion: 1, Tags: sortedTags(t.Tags),
	}
}

func (r *region) root() string { return r.w.env.ARN("iam", "", "root") }

type createTemplateInput struct {
	ClientToken        string
	DryRun             bool
	LaunchTemplateData launchData `param:",required"`
	LaunchTemplateName string     `param:",required"`
	TagSpecification   []tagSpecification
	VersionDescription string
}

type createTemplateOutput struct {
	Template templateItem `xml:"launchTemplate"`
}

func (r *region) createTemplate(c *wire.Call, in createTemplateInput) (*createTemplateOutput, error) {
	if !templateName.MatchString(in.LaunchTemplateName) {
		return nil, wire.Errorf("InvalidLaunchTemplateName.MalformedException",
			"Launch template name %q is invalid: 3 to 128 characters of a-z, A-Z, 0-9 and ( ) . - / _", in.LaunchTemplateName)
	}
	own, err := parseSpecifications(in.TagSpecification, "launch-template")
	if err != nil {
		return nil, err
	}
	launched, err := parseSpecifications(in.LaunchTemplateData.TagSpecification, launchedKinds()...)
	if err != nil {
		return nil, err
	}
	if err := checkUserData(in.LaunchTemplateData.UserData); err != nil {
		return nil, err
	}
	if err := r.permitCreation(c, in.DryRun, "launch-template", own["launch-template"]); err != nil {
		return nil, err
	}
	return once(r, c, in.ClientToken, func() (*createTemplateOutput, error) {
		if _, taken := r.templateNames[in.LaunchTemplateName]; taken {
			return nil, wire.Errorf("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
		}
		now := r.now()
		t := r.templates.add(&template{
			base: base{ID: r.id("lt"), Tags: own["launch-template"]}, name: in.LaunchTemplateName, description: in.VersionDescription,
			created: now, visibleAt: now.Add(r.w.delays.TemplateVisible), data: in.LaunchTemplateData, tags: launched,
		})
		r.templateNames[t.name] = t
		return &createTemplateOutput{r.templateItem(t)}, nil
	})
}

// launchedKinds are the resource types that a launch can tag.
func launchedKinds() []string {
	return []string{"instance", "volume", "network-interface", "spot-instances-request"}
}

type describeTemplatesInput struct {
	listInput
	LaunchTemplateID   []string `param:"LaunchTemplateId"`
	LaunchTemplateName []string
}

type describeTemplatesOutput struct {
	Items     []templateItem `xml:"launchTemplates>item"`
	NextToken string         `xml:"nextToken,omitempty"`
}

func (r *region) describeTemplates(c *wire.Call, in describeTemplatesInput) (*describeTemplatesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	wanted, err := compile(in.Filter, fields[*template]{
		"launch-template-name": func(t *template) []string { return []string{t.name} },
		"create-time":          func(t *template) []string { return []string{stamp(t.created)} },
	}, tagsOf[*template])
	if err != nil {
		return nil, err
	}
	some, err := r.templatesAsked(in)
	if err != nil {
		return nil, err
	}
	var matched []*template
	for _, t := range some {
		if !t.visibleAt.After(r.now()) && wanted.match(t) {
			matched = append(matched, t)
		}
	}
	items, next, err := page(matched, created[*template], in.listInput, paged{least: 1, most: 200, whole: 200})
	if err != nil {
		return nil, err
	}
	return &describeTemplatesOutput{Items: each(items, r.templateItem), NextToken: next}, nil
}

// templatesAsked are those named, or all that the filters could match.
func (r *region) templatesAsked(in describeTemplatesInput) ([]*template, error) {
	if len(in.LaunchTemplateID)+len(in.LaunchTemplateName) == 0 {
		return r.templates.candidates(in.Filter), nil
	}
	var out []*template
	for _, id := range in.LaunchTemplateID {
		t, err := r.template(id, "")
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	for _, name := range in.LaunchTemplateName {
		t, err := r.template("", name)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// template finds one that can be seen already, by id or by name.
func (r *region) template(id, name string) (*template, error) {
	if id != "" {
		if err := wellFormed("lt", id); err != nil {
			return nil, err
		}
		if t, ok := r.templates.get(id); ok && !t.visibleAt.After(r.now()) {
			return t, nil
		}
		return nil, notFound("lt", id)
	}
	if name == "" {
		return nil, wire.Errorf("MissingParameter", "The request must contain the parameter LaunchTemplateId or LaunchTemplateName")
	}
	if t, ok := r.templateNames[name]; ok && !t.visibleAt.After(r.now()) {
		return t, nil
	}
	return nil, wire.Errorf("InvalidLaunchTemplateName.NotFoundException",
		"The specified launch template, with template name %s, does not exist.", name)
}

// templateChoice is how requests name a template.
type templateChoice struct {
	LaunchTemplateID   string `param:"LaunchTemplateId" xml:"launchTemplateId,omitempty"`
	LaunchTemplateName string `xml:"launchTemplateName,omitempty"`
	Version            string `xml:"version,omitempty"`
}

// choose finds the template and checks that the version is the one there is.
func (r *region) choose(choice templateChoice) (*template, error) {
	if choice.LaunchTemplateID != "" && choice.LaunchTemplateName != "" {
		return nil, wire.Errorf("InvalidParameterCombination", "Give either LaunchTemplateId or LaunchTemplateName, not both")
	}
	t, err := r.template(choice.LaunchTemplateID, choice.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	return t, checkVersion(t, choice.Version)
}

func checkVersion(t *template, version string) error {
	switch version {
	case "", "$Latest", "$Default", "1":
		return nil
	}
	if _, err := strconv.Atoi(version); err != nil {
		return wire.Errorf("InvalidLaunchTemplateVersion", "Launch template version %s is not valid", version)
	}
	return wire.Errorf("InvalidLaunchTemplateId.VersionNotFound",
		"Could not find launch template version %s for launch template %s", version, t.ID)
}

type describeVersionsInput struct {
	listInput
	LaunchTemplateID      string `param:"LaunchTemplateId"`
	LaunchTemplateName    string
	LaunchTemplateVersion []string
}

type versionItem struct {
	ID             string     `xml:"launchTemplateId"`
	Name           string     `xml:"launchTemplateName"`
	Version        int        `xml:"versionNumber"`
	Description    string     `xml:"versionDescription,omitempty"`
	CreateTime     string     `xml:"createTime"`
	CreatedBy      string     `xml:"createdBy"`
	DefaultVersion bool       `xml:"defaultVersion"`
	Data           launchData `xml:"launchTemplateData"`
}

type describeVersionsOutput struct {
	Items     []versionItem `xml:"launchTemplateVersionSet>item"`
	NextToken string        `xml:"nextToken,omitempty"`
}

func (r *region) describeVersions(c *wire.Call, in describeVersionsInput) (*describeVersionsOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	if _, err := compile(in.Filter, fields[*template]{}, nil); err != nil {
		return nil, err
	}
	some, err := r.versionsAsked(in)
	if err != nil {
		return nil, err
	}
	items, next, err := page(some, created[*template], in.listInput, paged{least: 1, most: 200, whole: 200})
	if err != nil {
		return nil, err
	}
	return &describeVersionsOutput{NextToken: next, Items: each(items, func(t *template) versionItem {
		return versionItem{
			ID: t.ID, Name: t.name, Version: 1, Description: t.description, CreateTime: stamp(t.created), CreatedBy: r.root(),
			DefaultVersion: true, Data: t.data,
		}
	})}, nil
}

// versionsAsked: without a template, $Latest or $Default asks for those of all templates.
func (r *region) versionsAsked(in describeVersionsInput) ([]*template, error) {
	if in.LaunchTemplateID == "" && in.LaunchTemplateName == "" && len(in.LaunchTemplateVersion) > 0 {
		var all []*template
		for _, t := range r.templates.order {
			if !t.visibleAt.After(r.now()) {
				all = append(all, t)
			}
		}
		return all, nil
	}
	t, err := r.template(in.LaunchTemplateID, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	for _, version := range in.LaunchTemplateVersion {
		if err := checkVersion(t, version); err != nil {
			return nil, err
		}
	}
	return []*template{t}, nil
}

type deleteTemplateInput struct {
	DryRun             bool
	LaunchTemplateID   string `param:"LaunchTemplateId"`
	LaunchTemplateName string
}

func (r *region) deleteTemplate(c *wire.Call, in deleteTemplateInput) (*createTemplateOutput, error) {
	t, err := r.template(in.LaunchTemplateID, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	if err := permit(c, in.DryRun, r.existing("launch-template", t.ID, t.Tags)); err != nil {
		return nil, err
	}
	r.templates.remove(t.ID)
	delete(r.templateNames, t.name)
	return &createTemplateOutput{r.templateItem(t)}, nil
}
