package contract_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

func tagContracts() []contract {
	return []contract{
		{"a tag is replaced by a later one of its key", tagReplaced},
		{"a tag is put on several resources in one call", tagSeveral},
		{"DescribeTags finds resources by key and value", describeTags},
		{"a tag is removed by its key", tagRemoved},
		{"a tag with another value than the one named is kept", tagKept},
		{"tagging an absent instance is InvalidInstanceID.NotFound", tagAbsent},
		{"a tag of AWS's own prefix is refused", tagReserved},
		{"the 51st tag is refused", tagLimit},
	}
}

// tagsOf reads the tags of a resource by DescribeTags.
func (a *account) tagsOf(ctx context.Context, g Gomega, id string) map[string]string {
	out, err := a.ec2.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: where("resource-id", id)})
	g.Expect(err).NotTo(HaveOccurred())
	return lo.SliceToMap(out.Tags, func(t ec2types.TagDescription) (string, string) { return *t.Key, aws.ToString(t.Value) })
}

func (a *account) tag(ctx context.Context, ids []string, tags ...string) error {
	_, err := a.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: a.tags(tags...)})
	return err
}

func tagReplaced(ctx context.Context, g Gomega, a *account) {
	id := a.newGroup(ctx, g, a.vpc, a.name("group"), "color", "blue")
	g.Expect(a.tag(ctx, []string{id}, "color", "red")).To(Succeed())
	g.Expect(a.tagsOf(ctx, g, id)).To(Equal(map[string]string{runTag: a.run, "color": "red"}))
}

func tagSeveral(ctx context.Context, g Gomega, a *account) {
	group, subnet := a.newGroup(ctx, g, a.vpc, a.name("group")), *a.subnets[0].SubnetId
	mark := a.name("mark")
	g.Expect(a.tag(ctx, []string{group, subnet}, "several", mark)).To(Succeed())
	g.Expect(a.tagsOf(ctx, g, group)).To(HaveKeyWithValue("several", mark))
	g.Expect(a.tagsOf(ctx, g, subnet)).To(HaveKeyWithValue("several", mark))
}

func describeTags(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	group, vpc := a.newGroup(ctx, g, a.vpc, a.name("group"), "found", mark), a.newVpc(ctx, g, "10.52.0.0/16")
	g.Expect(a.tag(ctx, []string{vpc}, "found", mark)).To(Succeed())
	out, err := a.ec2.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: append(where("key", "found"), where("value", mark)...)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Tags).To(ConsistOf(
		And(HaveField("ResourceId", &group), HaveField("ResourceType", ec2types.ResourceTypeSecurityGroup)),
		And(HaveField("ResourceId", &vpc), HaveField("ResourceType", ec2types.ResourceTypeVpc)),
	))
}

func tagRemoved(ctx context.Context, g Gomega, a *account) {
	id := a.newGroup(ctx, g, a.vpc, a.name("group"), "color", "blue")
	_, err := a.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: []ec2types.Tag{{Key: aws.String("color")}}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.tagsOf(ctx, g, id)).To(Equal(map[string]string{runTag: a.run}))
}

func tagKept(ctx context.Context, g Gomega, a *account) {
	id := a.newGroup(ctx, g, a.vpc, a.name("group"), "color", "blue")
	_, err := a.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{
		Resources: []string{id}, Tags: []ec2types.Tag{{Key: aws.String("color"), Value: aws.String("red")}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.tagsOf(ctx, g, id)).To(HaveKeyWithValue("color", "blue"))
}

func tagAbsent(ctx context.Context, g Gomega, a *account) {
	g.Expect(a.tag(ctx, []string{"i-0123456789abcdef0"})).To(code("InvalidInstanceID.NotFound"))
	g.Expect(a.tagsOf(ctx, g, "i-0123456789abcdef0")).To(BeEmpty())
}

func tagReserved(ctx context.Context, g Gomega, a *account) {
	id := a.newGroup(ctx, g, a.vpc, a.name("group"))
	g.Expect(a.tag(ctx, []string{id}, "aws:mine", "no")).To(code("InvalidParameterValue"))
	g.Expect(a.tagsOf(ctx, g, id)).NotTo(HaveKey("aws:mine"))
}

func tagLimit(ctx context.Context, g Gomega, a *account) {
	id := a.newGroup(ctx, g, a.vpc, a.name("group"))
	var more []string
	for n := range 50 {
		more = append(more, fmt.Sprint("key-", n), "value")
	}
	g.Expect(a.tag(ctx, []string{id}, more...)).To(code("TagLimitExceeded"))
	g.Expect(a.tagsOf(ctx, g, id)).To(HaveLen(1))
}
