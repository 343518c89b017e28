package launch

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/samber/lo"
	"k8s.io/apimachinery/pkg/api/resource"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// ExpiresTagKey is on a launch template when its user data stops being able to make a
// node, as Unix seconds.
const ExpiresTagKey = apis.Group + "/expires"

// nameLength is how many hex digits of the content's hash are in a template's name: 128
// bits, so that no two contents ever share a name.
const nameLength = 32

// content is one launch template as EC2 gets it. Its name derives from everything in it
// that instances start with.
type content struct {
	name  string
	input *ec2.CreateLaunchTemplateInput
}

// newContent returns the template with which t's instances start, for req's cluster and class.
func newContent(req Request, t Template) (content, error) {
	tags := ownTags(req)
	data := &ec2types.RequestLaunchTemplateData{
		ImageId:             aws.String(t.ImageID),
		IamInstanceProfile:  &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String(t.InstanceProfile)},
		UserData:            aws.String(base64.StdEncoding.EncodeToString(t.UserData.Bytes())),
		BlockDeviceMappings: blockDevices(t.BlockDevices),
		MetadataOptions:     metadata(t.Metadata),
		NetworkInterfaces:   networkInterfaces(t),
		Monitoring:          &ec2types.LaunchTemplatesMonitoringRequest{Enabled: aws.Bool(t.DetailedMonitoring)},
		EnclaveOptions:      &ec2types.LaunchTemplateEnclaveOptionsRequest{Enabled: aws.Bool(t.Enclaves)},
		Placement:           &ec2types.LaunchTemplatePlacementRequest{Tenancy: ec2types.Tenancy(t.Tenancy)},
		CpuOptions:          cpuOptions(t.CPU),
		TagSpecifications:   []ec2types.LaunchTemplateTagSpecificationRequest{{ResourceType: ec2types.ResourceTypeNetworkInterface, Tags: tagList(tags)}},
	}
	if req.CapacityType == karpv1.CapacityTypeSpot {
		// EC2 refuses tags for a spot request on a fleet that asks for none.
		data.TagSpecifications = append(data.TagSpecifications, ec2types.LaunchTemplateTagSpecificationRequest{
			ResourceType: ec2types.ResourceTypeSpotInstancesRequest, Tags: tagList(tags),
		})
	}
	if t.OptOutOfReservations {
		data.CapacityReservationSpecification = &ec2types.LaunchTemplateCapacityReservationSpecificationRequest{
			CapacityReservationPreference: ec2types.CapacityReservationPreferenceNone,
		}
	}
	name, err := contentName(data, tags)
	if err != nil {
		return content{}, err
	}
	return content{name: name, input: &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(name),
		LaunchTemplateData: data,
		TagSpecifications:  []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeLaunchTemplate, Tags: tagList(withExpiry(tags, t.Expires))}},
	}}, nil
}

// contentName is the same for the same content, whatever process computes it.
func contentName(data *ec2types.RequestLaunchTemplateData, tags map[string]string) (string, error) {
	body, err := json.Marshal([]any{data, tags}) // fields and map keys have an order in JSON
	if err != nil {
		return "", fmt.Errorf("hashing launch template: %w", err)
	}
	sum := sha256.Sum256(body)
	return v1.LaunchTemplateNamePrefix + "/" + hex.EncodeToString(sum[:])[:nameLength], nil
}

// ownTags are the user's and the cluster's tags with the UID that tells clusters apart.
func ownTags(req Request) map[string]string {
	tags := maps.Clone(req.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[v1.ClusterUIDTagKey] = req.ClusterUID
	return tags
}

func withExpiry(tags map[string]string, expires time.Time) map[string]string {
	if expires.IsZero() {
		return tags
	}
	tags = maps.Clone(tags)
	tags[ExpiresTagKey] = fmt.Sprint(expires.Unix())
	return tags
}

// tagList is sorted, so that equal requests are equal bytes.
func tagList(tags map[string]string) []ec2types.Tag {
	return lo.Map(slices.Sorted(maps.Keys(tags)), func(key string, _ int) ec2types.Tag {
		return ec2types.Tag{Key: aws.String(key), Value: aws.String(tags[key])}
	})
}

// blockDevices is nil for none: EC2 refuses an empty list.
func blockDevices(mappings []*v1.BlockDeviceMapping) []ec2types.LaunchTemplateBlockDeviceMappingRequest {
	if len(mappings) == 0 {
		return nil
	}
	return lo.Map(mappings, func(m *v1.BlockDeviceMapping, _ int) ec2types.LaunchTemplateBlockDeviceMappingRequest {
		request := ec2types.LaunchTemplateBlockDeviceMappingRequest{DeviceName: m.DeviceName}
		if m.EBS != nil {
			request.Ebs = &ec2types.LaunchTemplateEbsBlockDeviceRequest{
				DeleteOnTermination:      m.EBS.DeleteOnTermination,
				Encrypted:                m.EBS.Encrypted,
				Iops:                     toInt32(m.EBS.IOPS),
				KmsKeyId:                 m.EBS.KMSKeyID,
				SnapshotId:               m.EBS.SnapshotID,
				Throughput:               toInt32(m.EBS.Throughput),
				VolumeInitializationRate: m.EBS.VolumeInitializationRate,
				VolumeSize:               gibibytes(m.EBS.VolumeSize),
				VolumeType:               ec2types.VolumeType(aws.ToString(m.EBS.VolumeType)),
			}
		}
		return request
	})
}

// gibibytes rounds up, since a volume smaller than was asked for is of no use.
func gibibytes(size *resource.Quantity) *int32 {
	if size == nil {
		return nil
	}
	const gib = 1 << 30
	whole := (size.Value() + gib - 1) / gib
	return toInt32(&whole)
}

// toInt32 narrows a number that the schema bounds far below what int32 holds.
func toInt32(n *int64) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n))
}

// metadata takes the schema's defaults for what is not set, and keeps tags out of instance
// metadata: an account may have that on by default, and EC2 then refuses tags with a
// slash in their key, as ours have.
func metadata(m *v1.MetadataOptions) *ec2types.LaunchTemplateInstanceMetadataOptionsRequest {
	if m == nil {
		m = &v1.MetadataOptions{}
	}
	return &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{
		HttpEndpoint:            ec2types.LaunchTemplateInstanceMetadataEndpointState(lo.FromPtrOr(m.HTTPEndpoint, "enabled")),
		HttpProtocolIpv6:        ec2types.LaunchTemplateInstanceMetadataProtocolIpv6(lo.FromPtrOr(m.HTTPProtocolIPv6, "disabled")),
		HttpPutResponseHopLimit: toInt32(lo.ToPtr(lo.FromPtrOr(m.HTTPPutResponseHopLimit, 1))),
		HttpTokens:              ec2types.LaunchTemplateHttpTokensState(lo.FromPtrOr(m.HTTPTokens, "required")),
		InstanceMetadataTags:    ec2types.LaunchTemplateInstanceMetadataTagsStateDisabled,
	}
}

func cpuOptions(c *v1.CPUOptions) *ec2types.LaunchTemplateCpuOptionsRequest {
	if c == nil || c.NestedVirtualization == nil {
		return nil
	}
	return &ec2types.LaunchTemplateCpuOptionsRequest{NestedVirtualization: ec2types.NestedVirtualizationSpecification(*c.NestedVirtualization)}
}
