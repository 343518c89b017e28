package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const pricePath = "pkg/providers/offering/pricetable/ondemand.tsv.gz"

// priceFile renders the Linux on-demand prices as a table: a line of column names,
// "type" and the regions in order, one of the days that their prices are of, then a line
// for each type that is sold anywhere. A region that does not sell it has an empty field.
func priceFile(f facts) (file, error) {
	prices, err := pricesOf(f)
	if err != nil {
		return file{}, err
	}
	regions, dates := f.columns(prices)
	var table bytes.Buffer
	fmt.Fprintf(&table, "type\t%s\ndate\t%s\n", strings.Join(regions, "\t"), strings.Join(dates, "\t"))
	for _, name := range slices.Sorted(maps.Keys(prices)) {
		table.WriteString(name)
		for _, region := range regions {
			table.WriteByte('\t')
			if price, sold := prices[name][region]; sold {
				table.WriteString(strconv.FormatFloat(price, 'f', -1, 64))
			}
		}
		table.WriteByte('\n')
	}
	return file{path: pricePath, content: table.Bytes(), gzipped: true}, nil
}

// priceMap holds prices by type and region.
type priceMap map[string]map[string]float64

func (m priceMap) set(name, region string, price float64) {
	if m[name] == nil {
		m[name] = map[string]float64{}
	}
	m[name][region] = price
}

// pricesOf returns all prices. A region's own table wins over the instance data, whose
// types it knows and whose prices of it are older or none.
func pricesOf(f facts) (priceMap, error) {
	prices := priceMap{}
	for _, t := range f.types {
		if err := prices.addType(t); err != nil {
			return nil, err
		}
	}
	for region, newer := range f.newer {
		for name, price := range newer.byType {
			prices.set(name, region, price)
		}
	}
	if len(prices) == 0 {
		return nil, fmt.Errorf("the sources hold no prices")
	}
	return prices, nil
}

func (m priceMap) addType(t instanceType) error {
	for region, p := range t.Pricing {
		if p.Linux.OnDemand == "" || !regionName.MatchString(region) {
			continue
		}
		price, err := p.Linux.OnDemand.Float64()
		if err != nil || price <= 0 {
			return fmt.Errorf("price of %s in %s: %q is not a positive number", t.Name, region, p.Linux.OnDemand)
		}
		m.set(t.Name, region, price)
	}
	return nil
}

// columns returns the regions that have prices, in order, and the day of each.
func (f facts) columns(prices priceMap) (regions, dates []string) {
	seen := map[string]bool{}
	for _, byRegion := range prices {
		for region := range byRegion {
			seen[region] = true
		}
	}
	regions = slices.Sorted(maps.Keys(seen))
	for _, region := range regions {
		date := f.date
		if newer, ok := f.newer[region]; ok {
			date = newer.date
		}
		dates = append(dates, date)
	}
	return regions, dates
}
