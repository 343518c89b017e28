package contract_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

func parameterContracts() []contract {
	return []contract{
		{"a parameter that was put is got", parameterRead},
		{"a secure parameter is readable with decryption only", parameterSecret},
		{"a parameter is replaced only when told to", parameterReplaced},
		{"a deleted parameter is ParameterNotFound", parameterDeleted},
		{"a parameter bears its tags", parameterTags},
		{"parameters below a path come in pages", parameterPages},
		{"unknown parameters are named beside those that are known", parametersMixed},
		{"nobody puts a parameter under AWS's own path", parameterReserved},
	}
}

// put makes a parameter and returns its name.
func (a *account) put(ctx context.Context, g Gomega, change ...func(*ssm.PutParameterInput)) string {
	input := &ssm.PutParameterInput{
		Name: aws.String("/" + a.name("parameter")), Value: aws.String("first é"), Type: ssmtypes.ParameterTypeString,
		Tags: []ssmtypes.Tag{{Key: aws.String("color"), Value: aws.String("blue")}},
	}
	for _, edit := range change {
		edit(input)
	}
	_, err := a.ssm.PutParameter(ctx, input)
	g.Expect(err).NotTo(HaveOccurred())
	return *input.Name
}

func parameterRead(ctx context.Context, g Gomega, a *account) {
	name := a.put(ctx, g)
	out, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*out.Parameter.Value).To(Equal("first é"))
	g.Expect(out.Parameter.Version).To(BeEquivalentTo(1))
	g.Expect(*out.Parameter.ARN).To(HaveSuffix(":parameter" + name))
}

func parameterSecret(ctx context.Context, g Gomega, a *account) {
	name := a.put(ctx, g, func(in *ssm.PutParameterInput) { in.Type = ssmtypes.ParameterTypeSecureString })
	sealed, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*sealed.Parameter.Value).NotTo(ContainSubstring("first é\n"))
	g.Expect(*sealed.Parameter.Value).NotTo(Equal("first é"))
	plain, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*plain.Parameter.Value).To(Equal("first é"))
}

func parameterReplaced(ctx context.Context, g Gomega, a *account) {
	name := a.put(ctx, g)
	again := &ssm.PutParameterInput{Name: &name, Value: aws.String("second"), Type: ssmtypes.ParameterTypeString}
	_, err := a.ssm.PutParameter(ctx, again)
	g.Expect(err).To(code("ParameterAlreadyExists"))
	g.Expect(a.parameter(ctx, g, name)).To(Equal("first é"))
	again.Overwrite = aws.Bool(true)
	put, err := a.ssm.PutParameter(ctx, again)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(put.Version).To(BeEquivalentTo(2))
	g.Expect(a.parameter(ctx, g, name)).To(Equal("second"))
}

func parameterDeleted(ctx context.Context, g Gomega, a *account) {
	name := a.put(ctx, g)
	_, err := a.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	g.Expect(err).To(code("ParameterNotFound"))
	_, err = a.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name})
	g.Expect(err).To(code("ParameterNotFound"))
}

func parameterTags(ctx context.Context, g Gomega, a *account) {
	name := a.put(ctx, g)
	_, err := a.ssm.AddTagsToResource(ctx, &ssm.AddTagsToResourceInput{
		ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: &name, Tags: []ssmtypes.Tag{{Key: aws.String("shape"), Value: aws.String("round")}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	out, err := a.ssm.ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: &name})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lo.SliceToMap(out.TagList, func(t ssmtypes.Tag) (string, string) { return *t.Key, *t.Value })).To(
		Equal(map[string]string{"color": "blue", "shape": "round"}))
}

func parameterPages(ctx context.Context, g Gomega, a *account) {
	path := "/" + a.name("path")
	for n := range 5 {
		a.put(ctx, g, func(in *ssm.PutParameterInput) { in.Name = aws.String(fmt.Sprintf("%s/deep/%d", path, n)) })
	}
	var names []string
	pages := ssm.NewGetParametersByPathPaginator(a.ssm, &ssm.GetParametersByPathInput{Path: &path, Recursive: aws.Bool(true), MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(len(page.Parameters)).To(BeNumerically("<=", 2))
		for _, p := range page.Parameters {
			names = append(names, *p.Name)
		}
	}
	g.Expect(lo.Uniq(names)).To(HaveLen(5))
	flat, err := a.ssm.GetParametersByPath(ctx, &ssm.GetParametersByPathInput{Path: &path})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(flat.Parameters).To(BeEmpty(), "not recursive")
}

func parametersMixed(ctx context.Context, g Gomega, a *account) {
	known, absent := a.put(ctx, g), "/"+a.name("absent")
	out, err := a.ssm.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{known, absent}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.Parameters).To(HaveLen(1))
	g.Expect(out.InvalidParameters).To(Equal([]string{absent}))
}

func parameterReserved(ctx context.Context, g Gomega, a *account) {
	name := "/aws/service/" + a.name("mine")
	_, err := a.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: aws.String("x"), Type: ssmtypes.ParameterTypeString})
	g.Expect(err).To(HaveOccurred(), "putting a parameter under /aws")
	_, err = a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	g.Expect(err).To(code("ParameterNotFound"))
}
