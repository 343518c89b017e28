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

// compressed is a table of text: a line of "type" and the regions, one of "date" and the
// day of each region's prices, then for each type its name and its price in each region,
// empty where it is not sold.
//
//go:embed ondemand.tsv.gz
var compressed []byte

// OnDemand returns the prices of all types that the region sells.
//
// Unit: USD for an hour of one instance with Linux and shared tenancy; CNY in China, as
// AWS bills there. Errors: ErrUnknownRegion. Source: the embedded table.
func OnDemand(region string) (map[string]float64, error) {
	t, err := open(region)
	if err != nil {
		return nil, err
	}
	prices := map[string]float64{}
	for {
		name, text, more, err := t.next()
		switch {
		case err != nil:
			return nil, err
		case !more:
			return prices, nil
		case text == "":
			continue
		}
		if prices[name], err = strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("reading embedded price of %s: %w", name, err)
		}
	}
}

// Date returns the day of the region's prices, as year-month-day. Errors:
// ErrUnknownRegion.
func Date(region string) (string, error) {
	t, err := open(region)
	if err != nil {
		return "", err
	}
	return t.date, nil
}

// Regions returns the regions of the table, ordered by name.
func Regions() ([]string, error) {
	t, err := begin()
	if err != nil {
		return nil, err
	}
	return t.regions, nil
}

// table is the embedded one, read up to somewhere.
type table struct {
	lines   *bufio.Scanner
	regions []string
	column  int    // of the region that is read
	date    string // of its prices
}

// begin reads the line of regions.
func begin() (*table, error) {
	plain, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("opening embedded prices: %w", err)
	}
	t := &table{lines: bufio.NewScanner(plain)}
	if !t.lines.Scan() {
		return nil, fmt.Errorf("opening embedded prices: %w", errors.Join(t.lines.Err(), io.ErrUnexpectedEOF))
	}
	t.regions = strings.Split(t.lines.Text(), "\t")[1:]
	return t, nil
}

// open reads up to the first type, for one region.
func open(region string) (*table, error) {
	t, err := begin()
	if err != nil {
		return nil, err
	}
	index := slices.Index(t.regions, region)
	if index < 0 {
		return nil, fmt.Errorf("%w %q", ErrUnknownRegion, region)
	}
	t.column = index + 1
	_, t.date, _, err = t.next()
	return t, err
}

// next returns the name of a line and its text for the region; more is false after the
// last line.
func (t *table) next() (name, text string, more bool, err error) {
	if !t.lines.Scan() {
		if err := t.lines.Err(); err != nil {
			return "", "", false, fmt.Errorf("reading embedded prices: %w", err)
		}
		return "", "", false, nil
	}
	fields := strings.Split(t.lines.Text(), "\t")
	if len(fields) != len(t.regions)+1 {
		return "", "", false, fmt.Errorf("reading embedded prices: %q has %d columns, not %d", fields[0], len(fields), len(t.regions)+1)
	}
	return fields[0], fields[t.column], true, nil
}
