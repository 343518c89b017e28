package ec2

import (
	"slices"
	"strconv"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// Image is a machine image to put into the account's view.
type Image struct {
	ID           string // made when empty
	Name         string
	Description  string
	Architecture string // EC2's name: x86_64, arm64
	Owner        string // account number; this account when empty
	OwnerAlias   string // "amazon" or empty
	Created      time.Time
	Deprecated   time.Time // from then on; zero is never
	RootDevice   string    // "/dev/sda1"
	RootSizeGiB  int32
	Public       bool
	Tags         map[string]string
	Parameters   []string // public SSM parameters that name it
}

type image struct {
	base
	Image
	snapshot string
}

type imageItem struct {
	ImageID            string        `xml:"imageId"`
	ImageLocation      string        `xml:"imageLocation"`
	State              string        `xml:"imageState"`
	OwnerID            string        `xml:"imageOwnerId"`
	OwnerAlias         string        `xml:"imageOwnerAlias,omitempty"`
	CreationDate       string        `xml:"creationDate"`
	DeprecationTime    string        `xml:"deprecationTime,omitempty"`
	Public             bool          `xml:"isPublic"`
	Architecture       string        `xml:"architecture"`
	ImageType          string        `xml:"imageType"`
	PlatformDetails    string        `xml:"platformDetails"`
	UsageOperation     string        `xml:"usageOperation"`
	Name               string        `xml:"name"`
	Description        string        `xml:"description,omitempty"`
	RootDeviceType     string        `xml:"rootDeviceType"`
	RootDeviceName     string        `xml:"rootDeviceName"`
	BlockDevices       []blockDevice `xml:"blockDeviceMapping>item"`
	VirtualizationType string        `xml:"virtualizationType"`
	Hypervisor         string        `xml:"hypervisor"`
	EnaSupport         bool          `xml:"enaSupport"`
	BootMode           string        `xml:"bootMode"`
	Tags               []tagItem     `xml:"tagSet>item"`
}

func (i *image) item() imageItem {
	out := imageItem{
		ImageID: i.base.ID, ImageLocation: i.Owner + "/" + i.Name, State: "available", OwnerID: i.Owner, OwnerAlias: i.OwnerAlias,
		CreationDate: stamp(i.Created), Public: i.Public, Architecture: i.Architecture, ImageType: "machine",
		PlatformDetails: "Linux/UNIX", UsageOperation: "RunInstances", Name: i.Name, Description: i.Description,
		RootDeviceType: "ebs", RootDeviceName: i.RootDevice, VirtualizationType: "hvm", Hypervisor: "xen", EnaSupport: true,
		BootMode: "uefi-preferred", Tags: sortedTags(i.base.Tags), BlockDevices: []blockDevice{i.root()},
	}
	if i.Architecture == "arm64" {
		out.BootMode = "uefi"
	}
	if !i.Deprecated.IsZero() {
		out.DeprecationTime = stamp(i.Deprecated)
	}
	return out
}

// root is the image's own block device, which a launch starts from.
func (i *image) root() blockDevice {
	yes, no, kind := true, false, "gp3"
	size := i.RootSizeGiB
	return blockDevice{DeviceName: i.RootDevice, Ebs: &ebs{
		DeleteOnTermination: &yes, Encrypted: &no, SnapshotID: i.snapshot, VolumeSize: &size, VolumeType: kind,
	}}
}

// AddImage puts an image into a region and returns its id.
func (w *World) AddImage(regionName string, i Image) (string, error) {
	return with(w, regionName, func(r *region) (string, error) { return r.addImage(i).base.ID, nil })
}

func (r *region) addImage(i Image) *image {
	if i.ID == "" {
		i.ID = r.id("ami")
	}
	if i.Owner == "" {
		i.Owner = r.w.env.Account
	}
	if i.Created.IsZero() {
		i.Created = r.now()
	}
	for _, path := range i.Parameters {
		r.parameters[path] = i.ID
		r.w.around.Parameters.SetPublic(r.name, path, i.ID)
	}
	return r.images.add(&image{base: base{ID: i.ID, Tags: i.Tags}, Image: i, snapshot: r.id("snap")})
}

// DeregisterImage takes an image away, with the parameters that name it; launches from it
// fail from then on.
func (w *World) DeregisterImage(regionName, id string) error {
	_, err := with(w, regionName, func(r *region) (struct{}, error) {
		i, ok := r.images.get(id)
		if !ok {
			return struct{}{}, notFound("ami", id)
		}
		for _, path := range i.Parameters {
			if r.parameters[path] == id { // else a newer image has it
				r.w.around.Parameters.RemovePublic(r.name, path)
			}
		}
		r.images.remove(id)
		return struct{}{}, nil
	})
	return err
}

type describeImagesInput struct {
	listInput
	ExecutableBy      []string
	ImageID           []string `param:"ImageId"`
	IncludeDeprecated bool
	IncludeDisabled   bool
	Owner             []string
}

type describeImagesOutput struct {
	Items     []imageItem `xml:"imagesSet>item"`
	NextToken string      `xml:"nextToken,omitempty"`
}

func (r *region) describeImages(c *wire.Call, in describeImagesInput) (*describeImagesOutput, error) {
	if err := permit(c, in.DryRun); err != nil {
		return nil, err
	}
	if len(in.ImageID) > 0 && in.MaxResults != nil {
		in.MaxResults = nil // EC2 takes both here, unlike elsewhere, and answers all
	}
	wanted, err := compile(in.Filter, r.imageFields(), func(i *image) map[string]string { return i.base.Tags })
	if err != nil {
		return nil, err
	}
	items, err := r.images.some(in.ImageID, in.Filter, "ami")
	if err != nil {
		return nil, err
	}
	var matched []*image
	for _, i := range items {
		if wanted.match(i) && r.includes(in, i) {
			matched = append(matched, i)
		}
	}
	page, next, err := page(matched, created[*image], in.listInput, paged{least: 1, most: 1000})
	if err != nil {
		return nil, err
	}
	return &describeImagesOutput{Items: each(page, (*image).item), NextToken: next}, nil
}

// includes reports whether i is asked for by the parameters that are no filters. Deprecated
// images show to their owner, and to who asks for them.
func (r *region) includes(in describeImagesInput, i *image) bool {
	if !r.ownedBy(i, in.Owner) || !executable(i, in.ExecutableBy) {
		return false
	}
	deprecated := !i.Deprecated.IsZero() && !i.Deprecated.After(r.now())
	return !deprecated || in.IncludeDeprecated || i.Owner == r.w.env.Account
}

func (r *region) imageFields() fields[*image] {
	one := func(get func(*image) string) func(*image) []string {
		return func(i *image) []string { return []string{get(i)} }
	}
	return fields[*image]{
		"image-id":            one(func(i *image) string { return i.base.ID }),
		"name":                one(func(i *image) string { return i.Name }),
		"description":         one(func(i *image) string { return i.Description }),
		"architecture":        one(func(i *image) string { return i.Architecture }),
		"owner-id":            one(func(i *image) string { return i.Owner }),
		"owner-alias":         one(func(i *image) string { return i.OwnerAlias }),
		"is-public":           one(func(i *image) string { return strconv.FormatBool(i.Public) }),
		"state":               one(func(*image) string { return "available" }),
		"image-type":          one(func(*image) string { return "machine" }),
		"root-device-type":    one(func(*image) string { return "ebs" }),
		"root-device-name":    one(func(i *image) string { return i.RootDevice }),
		"virtualization-type": one(func(*image) string { return "hvm" }),
		"creation-date":       one(func(i *image) string { return stamp(i.Created) }),
	}
}

func (r *region) ownedBy(i *image, owners []string) bool {
	if len(owners) == 0 {
		return i.Public || i.Owner == r.w.env.Account
	}
	return slices.ContainsFunc(owners, func(o string) bool {
		return o == i.Owner || o == i.OwnerAlias && o != "" || o == "self" && i.Owner == r.w.env.Account
	})
}

func executable(i *image, by []string) bool {
	return len(by) == 0 || i.Public && slices.Contains(by, "all")
}
