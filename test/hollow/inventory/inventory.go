// Package inventory reads of EC2 what a booter must know to play its instances' machines.
//
// It answers which instances there are, and what one is made of: type, image, addresses,
// metadata options, user data. It talks to EC2 through the AWS SDK. Types and images, which
// do not change, it reads once and remembers for good. It fails with EC2's errors.
package inventory

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// nodePoolTag is what Karpenter tags its instances with.
const nodePoolTag = "karpenter.sh/nodepool"

// defaultDiskGiB is the root volume where EC2 says nothing.
const defaultDiskGiB = 8

// EC2 is what a booter needs of EC2; *ec2.Client is one.
type EC2 interface {
	Instances
	Catalogue
}

// Instances is the part of EC2 that tells of instances.
type Instances interface {
	ec2.DescribeInstancesAPIClient
	ec2.DescribeVolumesAPIClient
	DescribeInstanceAttribute(context.Context, *ec2.DescribeInstanceAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceAttributeOutput, error)
}

// Catalogue is the part of EC2 that tells of what instances are made from.
type Catalogue interface {
	ec2.DescribeInstanceTypesAPIClient
	ec2.DescribeImagesAPIClient
}

// Instance is what a poll needs of an instance; the rest is read when it boots.
type Instance struct {
	ID, Type, Zone string
	Running        bool

	raw ec2types.Instance
}

// Change is what a hypervisor says of an instance that changed.
type Change struct {
	ID, State string
	LastBoot  time.Time // when it was last told to boot
}

// Ended reports whether the instance is gone for good, or about to be.
func (c Change) Ended() bool { return c.State == "shutting-down" || c.State == "terminated" }

// maxFilterValues is how many values EC2 takes in one filter.
const maxFilterValues = 200

// Reader reads from one region.
type Reader struct {
	api    EC2
	region string

	types  memo[ec2types.InstanceTypeInfo]
	images memo[ec2types.Image]
}

// New returns a reader of the region that api answers for.
func New(api EC2, region string) *Reader { return &Reader{api: api, region: region} }

// memo remembers what load returned for a key. Two that miss at once both load.
type memo[V any] struct {
	mu    sync.Mutex
	known map[string]V
}

func (m *memo[V]) get(key string, load func() (V, error)) (V, error) {
	m.mu.Lock()
	value, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return value, nil
	}
	value, err := load()
	if err != nil {
		return value, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]V{}
	}
	m.known[key] = value
	return value, nil
}

// Instances returns what runs or could be started again, by id: every instance, or those
// with Karpenter's tag for the NodePool.
func (r *Reader) Instances(ctx context.Context, all bool) (map[string]Instance, error) {
	found := map[string]Instance{}
	return found, r.read(ctx, all, nil, found)
}

// Some is Instances, but of the ids alone.
func (r *Reader) Some(ctx context.Context, all bool, ids []string) (map[string]Instance, error) {
	found := map[string]Instance{}
	for some := range slices.Chunk(ids, maxFilterValues) {
		if err := r.read(ctx, all, some, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// read puts instances, those of ids where there are any, into found.
func (r *Reader) read(ctx context.Context, all bool, ids []string, found map[string]Instance) error {
	in := &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000), Filters: []ec2types.Filter{
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}},
	}}
	if !all {
		in.Filters = append(in.Filters, ec2types.Filter{Name: aws.String("tag-key"), Values: []string{nodePoolTag}})
	}
	if len(ids) > 0 {
		in.Filters = append(in.Filters, ec2types.Filter{Name: aws.String("instance-id"), Values: ids})
	}
	pages := ec2.NewDescribeInstancesPaginator(r.api, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describing instances: %w", err)
		}
		for _, reservation := range page.Reservations {
			for _, raw := range reservation.Instances {
				if i, ok := toInstance(raw); ok {
					found[i.ID] = i
				}
			}
		}
	}
	return nil
}

// toInstance reads an instance; one without id, state or address is not there yet.
func toInstance(raw ec2types.Instance) (Instance, bool) {
	i := Instance{ID: aws.ToString(raw.InstanceId), Type: string(raw.InstanceType), raw: raw}
	if i.ID == "" || raw.State == nil || raw.PrivateIpAddress == nil {
		return i, false
	}
	if raw.Placement != nil {
		i.Zone = aws.ToString(raw.Placement.AvailabilityZone)
	}
	i.Running = raw.State.Name == ec2types.InstanceStateNameRunning
	return i, true
}

// Facts reads everything that a machine needs to know of its instance.
func (r *Reader) Facts(ctx context.Context, i Instance) (machine.Facts, error) {
	kind, err := r.kind(ctx, i.Type)
	if err != nil {
		return machine.Facts{}, err
	}
	image, err := r.image(ctx, aws.ToString(i.raw.ImageId))
	if err != nil {
		return machine.Facts{}, err
	}
	attribute, err := r.api.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{
		InstanceId: aws.String(i.ID), Attribute: ec2types.InstanceAttributeNameUserData,
	})
	if err != nil {
		return machine.Facts{}, fmt.Errorf("describing user data: %w", err)
	}
	out := machine.Facts{
		ID: i.ID, Type: i.Type, Zone: i.Zone, Region: r.region, ImageID: aws.ToString(i.raw.ImageId),
		ImageName: aws.ToString(image.Name), ImageTags: tags(image.Tags), Tags: tags(i.raw.Tags), PrivateDNS: aws.ToString(i.raw.PrivateDnsName),
		SubnetID: aws.ToString(i.raw.SubnetId), VPCID: aws.ToString(i.raw.VpcId), Spot: i.raw.InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot,
	}
	if out.DiskGiB, err = r.disk(ctx, i.raw); err != nil {
		return machine.Facts{}, err
	}
	if out.PrivateIP, err = netip.ParseAddr(aws.ToString(i.raw.PrivateIpAddress)); err != nil {
		return machine.Facts{}, fmt.Errorf("reading private address: %w", err)
	}
	if value := attribute.UserData; value != nil && value.Value != nil {
		if out.UserData, err = base64.StdEncoding.DecodeString(*value.Value); err != nil {
			return machine.Facts{}, fmt.Errorf("decoding user data: %w", err)
		}
	}
	describe(&out, kind, image)
	attach(&out, i.raw)
	return out, nil
}

// describe fills in what type and image say.
func describe(out *machine.Facts, kind ec2types.InstanceTypeInfo, image ec2types.Image) {
	out.Arch = map[ec2types.ArchitectureValues]string{ec2types.ArchitectureValuesArm64: "arm64"}[image.Architecture]
	out.Arch = cmp.Or(out.Arch, "amd64")
	if kind.VCpuInfo != nil {
		out.CPUs = int64(aws.ToInt32(kind.VCpuInfo.DefaultVCpus))
	}
	if kind.MemoryInfo != nil {
		out.MemoryMiB = aws.ToInt64(kind.MemoryInfo.SizeInMiB)
	}
}

// attach fills in what hangs on the instance: interface, groups, profile, metadata options.
func attach(out *machine.Facts, raw ec2types.Instance) {
	for _, group := range raw.SecurityGroups {
		out.SecurityGroupIDs = append(out.SecurityGroupIDs, aws.ToString(group.GroupId))
		out.SecurityGroups = append(out.SecurityGroups, aws.ToString(group.GroupName))
	}
	if len(raw.NetworkInterfaces) > 0 {
		out.MAC = aws.ToString(raw.NetworkInterfaces[0].MacAddress)
		out.InterfaceID = aws.ToString(raw.NetworkInterfaces[0].NetworkInterfaceId)
	}
	ip := out.PrivateIP.As4()
	out.MAC = cmp.Or(out.MAC, fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", ip[0], ip[1], ip[2], ip[3]))
	if raw.IamInstanceProfile != nil {
		out.ProfileARN, out.ProfileID = aws.ToString(raw.IamInstanceProfile.Arn), aws.ToString(raw.IamInstanceProfile.Id)
	}
	if options := raw.MetadataOptions; options != nil {
		out.MetadataDisabled = options.HttpEndpoint == ec2types.InstanceMetadataEndpointStateDisabled
		out.TokensRequired = options.HttpTokens == ec2types.HttpTokensStateRequired
		out.TagsInMetadata = options.InstanceMetadataTags == ec2types.InstanceMetadataTagsStateEnabled
	}
}

func tags(from []ec2types.Tag) map[string]string {
	found := map[string]string{}
	for _, tag := range from {
		found[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return found
}

func (r *Reader) kind(ctx context.Context, name string) (ec2types.InstanceTypeInfo, error) {
	return r.types.get(name, func() (ec2types.InstanceTypeInfo, error) {
		var none ec2types.InstanceTypeInfo
		out, err := r.api.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []ec2types.InstanceType{ec2types.InstanceType(name)}})
		if err != nil {
			return none, fmt.Errorf("describing instance type %s: %w", name, err)
		}
		if len(out.InstanceTypes) != 1 {
			return none, fmt.Errorf("describing instance type %s: %d found", name, len(out.InstanceTypes))
		}
		return out.InstanceTypes[0], nil
	})
}

// image returns an image; one that is deregistered since the launch is known by its id alone.
func (r *Reader) image(ctx context.Context, id string) (ec2types.Image, error) {
	return r.images.get(id, func() (ec2types.Image, error) {
		out, err := r.api.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []ec2types.Filter{{Name: aws.String("image-id"), Values: []string{id}}}})
		if err != nil {
			return ec2types.Image{}, fmt.Errorf("describing image %s: %w", id, err)
		}
		return append(out.Images, ec2types.Image{ImageId: aws.String(id)})[0], nil
	})
}

// disk returns the size of the root volume in GiB.
func (r *Reader) disk(ctx context.Context, raw ec2types.Instance) (int64, error) {
	for _, mapping := range raw.BlockDeviceMappings {
		if aws.ToString(mapping.DeviceName) != aws.ToString(raw.RootDeviceName) || mapping.Ebs == nil {
			continue
		}
		out, err := r.api.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{aws.ToString(mapping.Ebs.VolumeId)}})
		if err != nil {
			return 0, fmt.Errorf("describing root volume: %w", err)
		}
		if len(out.Volumes) == 1 && out.Volumes[0].Size != nil {
			return int64(*out.Volumes[0].Size), nil
		}
	}
	return defaultDiskGiB, nil
}
