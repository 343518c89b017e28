package v1

import (
	"slices"
	"strings"
)

// The families of operating systems, as spec.amiFamily names them.
const (
	AMIFamilyAL2          = "AL2"
	AMIFamilyAL2023       = "AL2023"
	AMIFamilyBottlerocket = "Bottlerocket"
	AMIFamilyCustom       = "Custom"
	AMIFamilyDebian       = "Debian"
	AMIFamilyFlatcar      = "Flatcar"
	AMIFamilyUbuntu       = "Ubuntu"
	AMIFamilyWindows2019  = "Windows2019"
	AMIFamilyWindows2022  = "Windows2022"
	AMIFamilyWindows2025  = "Windows2025"
)

// AliasVersionLatest is the version of an alias that follows its family's newest image.
const AliasVersionLatest = "latest"

// Alias names a published image of a family.
type Alias struct {
	Family  string // as AMIFamily spells it, for example "AL2023"
	Version string // as the family counts, or AliasVersionLatest
}

// String is "al2023@latest".
func (a Alias) String() string { return strings.ToLower(a.Family) + "@" + a.Version }

// AMIFamily returns spec.amiFamily, else the family of the alias, else Custom. The schema
// asks for one of the first two, so Custom, for which nothing is assumed, stands only for
// an object that was never validated.
func (in *EC2NodeClass) AMIFamily() string {
	if in.Spec.AMIFamily != nil {
		return *in.Spec.AMIFamily
	}
	if alias := in.Alias(); alias != nil {
		return alias.Family
	}
	return AMIFamilyCustom
}

// Alias returns the alias in spec.amiSelectorTerms, nil when there is none. One that is no
// alias of a known family, which the schema refuses, counts as none.
func (in *EC2NodeClass) Alias() *Alias {
	for _, term := range in.Spec.AMISelectorTerms {
		if term.Alias != "" {
			return parseAlias(term.Alias)
		}
	}
	return nil
}

func parseAlias(alias string) *Alias {
	name, version, found := strings.Cut(alias, "@")
	families := aliasFamilies()
	i := slices.IndexFunc(families, func(family string) bool { return strings.ToLower(family) == name })
	if !found || version == "" || i < 0 {
		return nil
	}
	return &Alias{Family: families[i], Version: version}
}

// aliasFamilies are all families but Custom.
func aliasFamilies() []string {
	return []string{
		AMIFamilyAL2, AMIFamilyAL2023, AMIFamilyBottlerocket, AMIFamilyDebian, AMIFamilyFlatcar,
		AMIFamilyUbuntu, AMIFamilyWindows2019, AMIFamilyWindows2022, AMIFamilyWindows2025,
	}
}
