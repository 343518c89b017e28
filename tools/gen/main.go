package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	root := flag.String("root", "../..", "`directory` of the product's module, into which the files are written")
	check := flag.Bool("check", false, "write nothing; exit with 1 when a file is not what would be written")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run builds all files before it writes the first.
func run(ctx context.Context, root string, check bool) error {
	facts, err := readFacts(ctx)
	if err != nil {
		return err
	}
	files, err := render(facts)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		if check {
			errs = append(errs, f.check(root))
		} else {
			errs = append(errs, f.write(root))
		}
	}
	return errors.Join(errs...)
}

// render turns the facts into the files that are kept in the tree.
func render(facts facts) ([]file, error) {
	prices, err := priceFile(facts)
	if err != nil {
		return nil, fmt.Errorf("building the price table: %w", err)
	}
	return []file{prices, catalogueFile(facts)}, nil
}
