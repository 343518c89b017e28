package wire

import (
	"net/url"
	"testing"

	. "github.com/onsi/gomega"
)

type part struct {
	Name   string   `param:",required"`
	Values []string `param:"Value"`
}

type common struct {
	DryRun bool
	Size   *int32
}

type request struct {
	common
	ID     string `param:"Id"`
	Filter []part
	Weight float64
	Inner  *struct{ Deep struct{ Count int } }
}

func decodeForm(protocol Protocol, form string) (request, error) {
	values, err := url.ParseQuery(form)
	if err != nil {
		return request{}, err
	}
	var in request
	return in, (&Call{protocol: protocol, Form: values}).decode(&in)
}

func TestDecodeTakes(t *testing.T) {
	size := int32(0)
	for name, tc := range map[string]struct {
		protocol Protocol
		form     string
		want     request
	}{
		"nothing":               {EC2, "", request{}},
		"values of all kinds":   {EC2, "Id=x&DryRun=true&Weight=1.5", request{ID: "x", Weight: 1.5, common: common{DryRun: true}}},
		"zero, which is given":  {EC2, "Size=0", request{common: common{Size: &size}}},
		"lists, by their index": {EC2, "Filter.10.Name=b&Filter.2.Name=a&Filter.2.Value.1=v", request{Filter: []part{{Name: "a", Values: []string{"v"}}, {Name: "b"}}}},
		"lists with members":    {Query, "Filter.member.1.Name=a&Filter.member.1.Value.member.1=v", request{Filter: []part{{Name: "a", Values: []string{"v"}}}}},
		"an empty list":         {Query, "Filter=", request{Filter: []part{}}},
		"what is deep inside":   {EC2, "Inner.Deep.Count=3", request{Inner: &struct{ Deep struct{ Count int } }{Deep: struct{ Count int }{3}}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := decodeForm(tc.protocol, tc.form)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got).To(Equal(tc.want))
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ form, code, names string }{
		"a parameter that is not modelled":    {"Id=x&Colour=red", "UnknownParameter", "Colour"},
		"one inside a list":                   {"Filter.1.Name=a&Filter.1.Colour=red", "UnknownParameter", "Filter.1.Colour"},
		"one below a value":                   {"Id.Part=x", "UnknownParameter", "Id.Part"},
		"a value where there are parts":       {"Inner=x", "UnknownParameter", "Inner"},
		"a list's index that is no number":    {"Filter.first.Name=a", "UnknownParameter", "Filter.first"},
		"members where the protocol has none": {"Filter.member.1.Name=a", "UnknownParameter", "Filter.member"},
		"a missing part":                      {"Filter.1.Value.1=a", "MissingParameter", "Filter.1.Name"},
		"a number that is none":               {"Size=big", "InvalidParameterValue", "Size"},
		"a number too large for its field":    {"Size=3000000000", "InvalidParameterValue", "Size"},
		"a boolean that is none":              {"DryRun=yes", "InvalidParameterValue", "DryRun"},
		"the same parameter twice":            {"Id=x&Id=y", "InvalidParameterValue", "Id"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := decodeForm(EC2, tc.form)
			g.Expect(err).To(MatchError(And(HavePrefix(tc.code+":"), ContainSubstring(tc.names))))
		})
	}
}

func TestDecodeJSON(t *testing.T) {
	type in struct {
		Name string `param:",required"`
		Size *int
	}
	for name, tc := range map[string]struct{ body, code string }{
		"what it knows":         {`{"Name":"x","Size":1}`, ""},
		"a member not modelled": {`{"Name":"x","Colour":"red"}`, "SerializationException"},
		"a missing member":      {`{"Size":1}`, "ValidationException"},
		"no JSON":               {`Name=x`, "SerializationException"},
	} {
		t.Run(name, func(t *testing.T) {
			var got in
			NewWithT(t).Expect(code((&Call{protocol: JSON11, Body: []byte(tc.body)}).decode(&got))).To(Equal(tc.code))
		})
	}
}
