package pricetable

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ErrUnknownRegion says that the table holds no price of the region at all.
var ErrUnknownRegion = errors.New("no embedded prices for the region")

// compressed is a table of text: a line of "type" and the regions, then for each
// type its name and its price in each region, empty where it is not sold.
//
//go:embed ondemand.tsv.gz
var compressed []byte

// OnDemand returns the prices of all types that the region sells.
//
// Unit: USD for an hour of one instance with Linux and shared tenancy. Errors:
// ErrUnknownRegion. Source: the embedded table of the day Date.
func OnDemand(region string) (map[string]float64, error) {
	regions, lines, err := open()
	if err != nil {
		return nil, err
	}
	column := slices.Index(regions, region)
	if column < 0 {
		return nil, fmt.Errorf("%w %q", ErrUnknownRegion, region)
	}
	prices := map[string]float64{}
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != len(regions)+1 {
			return nil, fmt.Errorf("reading embedded prices: %q has %d columns, not %d", fields[0], len(fields), len(regions)+1)
		}
		if fields[column+1] == "" {
			continue
		}
		price, err := strconv.ParseFloat(fields[column+1], 64)
		if err != nil {
			return nil, fmt.Errorf("reading embedded price of %s: %w", fields[0], err)
		}
		prices[fields[0]] = price
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading embedded prices: %w", err)
	}
	return prices, nil
}

// Regions returns the regions of the table, ordered by name.
func Regions() ([]string, error) {
	regions, _, err := open()
	return regions, err
}

// open returns the regions in the order of their columns, and the lines of types.
func open() ([]string, *bufio.Scanner, error) {
	plain, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, nil, fmt.Errorf("opening embedded prices: %w", err)
	}
	lines := bufio.NewScanner(io.Reader(plain))
	if !lines.Scan() {
		return nil, nil, fmt.Errorf("opening embedded prices: %w", errors.Join(lines.Err(), io.ErrUnexpectedEOF))
	}
	return strings.Split(lines.Text(), "\t")[1:], lines, nil
}
