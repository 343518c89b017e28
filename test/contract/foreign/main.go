// Command foreign asks AWS endpoints that other people wrote to keep the contracts of
// test/contract:
//
//	go run ./test/contract/foreign moto|localstack|all
//
// It answers one question: does the product's AWS layer work on an EC2 that we did not write?
// It installs the endpoint from the Python package index into the cache (KARPENTER_CACHE), starts it on a free
// port of 127.0.0.1, runs the contracts against it, and ends it. It leaves nothing running, and
// remembers nothing but the installation.
//
// Exit codes: 0 when all contracts are kept but for the differences that are written down, 1 otherwise. Where the
// machine has no Python that is young enough, it says so and does not count that as a
// failure, unless -require is given.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/contract/emulator"
)

// contracts is the package whose tests are run.
const contracts = "github.com/karpenter-kubeadm/karpenter-provider-aws/test/contract"

func main() {
	require := flag.Bool("require", false, "fail where the machine has no Python that is young enough")
	flag.Usage = func() {
		_, _ = fmt.Fprintf(flag.CommandLine.Output(), "usage: foreign [-require] %s|all\n", strings.Join(emulator.Names(), "|"))
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Args(), *require)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run asks each endpoint that args name, whatever became of the one before.
func run(ctx context.Context, args []string, require bool) error {
	if len(args) != 1 {
		return fmt.Errorf("name one endpoint: %s or all", strings.Join(emulator.Names(), ", "))
	}
	names := args
	if args[0] == "all" {
		names = emulator.Names()
	}
	cache, err := cacheFolder()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		kind, err := emulator.Named(name)
		if err != nil {
			return err
		}
		err = ask(ctx, kind, cache)
		if missing, ok := errors.AsType[*emulator.NoPythonError](err); ok && !require {
			_, _ = fmt.Fprintf(os.Stderr, "%s: skipped: %v\n", name, missing)
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func cacheFolder() (string, error) {
	if folder := os.Getenv("KARPENTER_CACHE"); folder != "" {
		return filepath.Abs(folder)
	}
	folder, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder; set KARPENTER_CACHE: %w", err)
	}
	return filepath.Join(folder, "karpenter-provider-aws"), nil
}

// ask runs the contracts against one endpoint.
func ask(ctx context.Context, kind emulator.Kind, cache string) (err error) {
	installed, err := emulator.Install(ctx, kind, cache, os.Stderr)
	if err != nil {
		return err
	}
	began := clock.RealClock{}.Now()
	server, err := installed.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	_, _ = fmt.Fprintf(os.Stderr, "%s: ready at %s after %s\n", kind.Name, server.URL, time.Since(began).Round(time.Millisecond))
	err = test(ctx, kind.Name, server.URL)
	_, _ = fmt.Fprintf(os.Stderr, "%s: took %s, %d MiB at most\n", kind.Name, time.Since(began).Round(time.Second), server.PeakMemory()>>20)
	if err != nil {
		return fmt.Errorf("%s breaks contracts, see above: %w", kind.Name, err)
	}
	return nil
}

// test runs the contracts, anew each time, with the endpoint's address in the environment.
func test(ctx context.Context, name, url string) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=15m", "-run=^TestContract$", contracts)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+url, "CONTRACT_ENDPOINT="+name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd.Run()
}
