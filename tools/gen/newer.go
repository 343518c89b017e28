package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// regionPrices are the prices of a region that a source of its own day states.
type regionPrices struct {
	date   string // as 2006-01-02
	byType map[string]float64
}

// newerTables are the files of limitsModule that hold prices of a few regions, which are
// younger than the instance data and know younger types, and the variables in them.
func newerTables() map[string]string {
	return map[string]string{
		"zz_generated.pricing_aws.go":        "InitialOnDemandPricesAWS",
		"zz_generated.pricing_aws_cn.go":     "InitialOnDemandPricesCN",
		"zz_generated.pricing_aws_us_gov.go": "InitialOnDemandPricesUSGov",
	}
}

var generatedAt = regexp.MustCompile(`generated at (\d{4}-\d{2}-\d{2})T`)

// readNewer reads these files of a folder, by region.
func readNewer(folder string) (map[string]regionPrices, error) {
	out := map[string]regionPrices{}
	for name, variable := range newerTables() {
		path := filepath.Join(folder, name)
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		date := generatedAt.FindSubmatch(raw)
		if date == nil {
			return nil, fmt.Errorf("%s does not say when it was generated", path)
		}
		regions, err := mapLiteral(path, variable)
		if err != nil {
			return nil, err
		}
		for region, value := range regions {
			byType, err := pricesIn(value)
			if err != nil {
				return nil, fmt.Errorf("prices of %s: %w", region, err)
			}
			out[region] = regionPrices{date: string(date[1]), byType: byType}
		}
	}
	return out, nil
}

func pricesIn(value ast.Expr) (map[string]float64, error) {
	table, ok := value.(*ast.CompositeLit)
	if !ok {
		return nil, fmt.Errorf("they are not a literal")
	}
	entries, err := entriesOf(table)
	if err != nil {
		return nil, err
	}
	out := make(map[string]float64, len(entries))
	for name, entry := range entries {
		number, ok := entry.(*ast.BasicLit)
		if !ok || number.Kind != token.FLOAT {
			return nil, fmt.Errorf("that of %s is no number", name)
		}
		if out[name], err = strconv.ParseFloat(number.Value, 64); err != nil {
			return nil, err
		}
	}
	return out, nil
}
