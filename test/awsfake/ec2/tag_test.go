package ec2_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
)

func (a *account) tag(id string, pairs ...string) error {
	var of []types.Tag
	for i := 0; i < len(pairs); i += 2 {
		of = append(of, types.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	_, err := a.api.CreateTags(a.t.Context(), &awsec2.CreateTagsInput{Resources: []string{id}, Tags: of})
	return err
}

func TestTagsAreFoundWhereTheyWerePut(t *testing.T) {
	a := start(t)
	first, second := a.launch(), a.launch()
	a.Expect(a.tag(first, "karpenter.sh/nodeclaim", "one", "Name", "node-1")).To(Succeed())
	a.Expect(a.tag(second, "karpenter.sh/nodeclaim", "two")).To(Succeed())
	a.Expect(ids(a.describe(filter("tag:karpenter.sh/nodeclaim", "one")))).To(Equal([]string{first}))
	a.Expect(ids(a.describe(filter("tag:karpenter.sh/nodeclaim", "two", "one")))).To(Equal([]string{first, second}))
	a.Expect(ids(a.describe(filter("tag:karpenter.sh/nodeclaim", "*")))).To(Equal([]string{first, second}))
	a.Expect(ids(a.describe(filter("tag-key", "Name")))).To(Equal([]string{first}))
	a.Expect(a.describe(filter("tag:karpenter.sh/nodeclaim", "three"))).To(BeEmpty())

	a.Expect(a.tag(first, "karpenter.sh/nodeclaim", "three")).To(Succeed())
	a.Expect(a.describe(filter("tag:karpenter.sh/nodeclaim", "one"))).To(BeEmpty(), "the old value is gone")
	a.Expect(ids(a.describe(filter("tag:karpenter.sh/nodeclaim", "three")))).To(Equal([]string{first}))
}

func TestFiltersAreAllToMatch(t *testing.T) {
	a := start(t)
	id := a.launch()
	a.Expect(a.tag(id, "a", "1", "b", "2")).To(Succeed())
	both := append(filter("tag:a", "1"), filter("tag:b", "2")...)
	a.Expect(ids(a.describe(both))).To(Equal([]string{id}))
	a.Expect(a.describe(append(both, filter("tag:b", "1")...))).To(BeEmpty())
	a.Expect(a.describe(append(both, filter("instance-state-name", "terminated")...))).To(BeEmpty())
}

func TestTagsAreTakenAway(t *testing.T) {
	a := start(t)
	id := a.launch()
	a.Expect(a.tag(id, "a", "1", "b", "2")).To(Succeed())
	_, err := a.api.DeleteTags(t.Context(), &awsec2.DeleteTagsInput{Resources: []string{id}, Tags: []types.Tag{
		{Key: aws.String("a")}, {Key: aws.String("b"), Value: aws.String("another")},
	}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(tags(a.one(id).Tags)).NotTo(HaveKey("a"))
	a.Expect(tags(a.one(id).Tags)).To(HaveKeyWithValue("b", "2"), "its value is another than the one given")
	a.Expect(a.describe(filter("tag:a", "1"))).To(BeEmpty())
}

func TestTagsThatAreRefused(t *testing.T) {
	a := start(t)
	id := a.launch()
	a.Expect(code(a.tag("i-00000000000000000", "a", "1"))).To(Equal("InvalidInstanceID.NotFound"))
	a.Expect(code(a.tag("vol-00000000000000000", "a", "1"))).To(Equal("InvalidVolume.NotFound"))
	a.Expect(code(a.tag("what-is-it", "a", "1"))).To(Equal("InvalidID"))
	a.Expect(code(a.tag(id, "aws:a", "1"))).To(Equal("InvalidParameterValue"))
	a.Expect(code(a.tag(id, "a", "1", "a", "2"))).To(Equal("InvalidParameterValue"))
	many := []string{}
	for i := range 50 {
		many = append(many, fmt.Sprintf("k%d", i), "v")
	}
	a.Expect(a.tag(id, many...)).To(Succeed(), "those of AWS do not count")
	a.Expect(code(a.tag(id, "one", "more"))).To(Equal("TagLimitExceeded"))
	a.Expect(a.tag(id, "k0", "changed")).To(Succeed())
}

func TestDescribeTagsInPages(t *testing.T) {
	a := start(t)
	for i := range 4 {
		a.Expect(a.tag(a.launch(), "x", fmt.Sprint(i), "y", fmt.Sprint(i))).To(Succeed())
	}
	pages := awsec2.NewDescribeTagsPaginator(a.api, &awsec2.DescribeTagsInput{MaxResults: aws.Int32(5), Filters: filter("key", "x", "y")})
	var got []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		for _, tag := range page.Tags {
			got = append(got, aws.ToString(tag.Key)+aws.ToString(tag.Value))
			a.Expect(tag.ResourceType).To(Equal(types.ResourceTypeInstance))
		}
	}
	a.Expect(got).To(Equal([]string{"x0", "y0", "x1", "y1", "x2", "y2", "x3", "y3"}))
	a.Expect(a.Calls("DescribeTags")).To(Equal(2))
}

// The tags of a launch and those of a template are the instance's own: changing them on one
// changes no other.
func TestInstancesOfOneLaunchShareNoTags(t *testing.T) {
	a := start(t)
	out := a.fleet(a.request(a.template("pair"), 2, region+"a", "t3.large"))
	pair := out.Instances[0].InstanceIds
	a.Expect(a.tag(pair[0], "mine", "yes")).To(Succeed())
	a.Expect(tags(a.one(pair[1]).Tags)).NotTo(HaveKey("mine"))
}
