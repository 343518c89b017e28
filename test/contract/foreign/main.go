// Command foreign asks AWS endpoints that other people wrote to keep the contracts of
// test/contract, and with -e2e to carry the portable specs of test/e2e too:
//
//	go run ./test/contract/foreign [-e2e] moto|localstack|all
//
// It answers one question: does the product work on an EC2 that we did not write?
// It installs the endpoint from the Python package index into the cache (KARPENTER_CACHE), starts it on a free
// port of 127.0.0.1, runs the contracts and then the specs against it, and ends it. It leaves nothing running, and
// remembers nothing but the installation.
//
// Exit codes: 0 when all contracts are kept but for the differences that are written down and all specs pass, 1 otherwise. Where the
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
	"strings"
	"syscall"
	"time"

	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/contract/emulator"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/env/cache"
)

const module = "github.com/karpenter-kubeadm/karpenter-provider-aws"

func main() {
	specs := flag.Bool("e2e", false, "run the portable specs too (needs what \"make tools build\" makes)")
	require := flag.Bool("require", false, "fail where the machine has no Python that is young enough")
	flag.Usage = func() {
		_, _ = fmt.Fprintf(flag.CommandLine.Output(), "usage: foreign [-e2e] [-require] %s|all\n", strings.Join(emulator.Names(), "|"))
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Args(), *specs, *require)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run asks each endpoint that args name, whatever became of the one before.
func run(ctx context.Context, args []string, specs, require bool) error {
	if len(args) != 1 {
		return fmt.Errorf("name one endpoint: %s or all", strings.Join(emulator.Names(), ", "))
	}
	names := args
	if args[0] == "all" {
		names = emulator.Names()
	}
	folder, err := cache.Folder()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		kind, err := emulator.Named(name)
		if err != nil {
			return err
		}
		err = ask(ctx, kind, folder, specs)
		if missing, ok := errors.AsType[*emulator.NoPythonError](err); ok && !require {
			_, _ = fmt.Fprintf(os.Stderr, "%s: skipped: %v\n", name, missing)
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// ask runs the contracts, and the specs where they are wanted, against one endpoint.
func ask(ctx context.Context, kind emulator.Kind, folder string, specs bool) (err error) {
	installed, err := emulator.Install(ctx, kind, folder, os.Stderr)
	if err != nil {
		return err
	}
	began := clock.RealClock{}.Now()
	server, err := installed.Start(ctx, "127.0.0.1")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	_, _ = fmt.Fprintf(os.Stderr, "%s: ready at %s after %s\n", kind.Name, server.URL, time.Since(began).Round(time.Millisecond))
	err = contracts(ctx, kind.Name, server.URL)
	if err != nil {
		err = fmt.Errorf("%s breaks contracts, see above: %w", kind.Name, err)
	}
	if specs {
		if failed := endToEnd(ctx, server.URL); failed != nil {
			err = errors.Join(err, fmt.Errorf("specs fail on %s, see above: %w", kind.Name, failed))
		}
	}
	_, _ = fmt.Fprintf(os.Stderr, "%s: took %s, %d MiB at most\n", kind.Name, time.Since(began).Round(time.Second), server.PeakMemory()>>20)
	return err
}

// contracts runs them, anew each time.
func contracts(ctx context.Context, name, url string) error {
	return goRun(ctx, []string{"AWS_ENDPOINT_URL=" + url, "CONTRACT_ENDPOINT=" + name},
		"test", "-count=1", "-timeout=15m", "-run=^TestContract$", module+"/test/contract")
}

// endToEnd runs the specs that need no more of EC2 than its API, but for those that wait for minutes.
func endToEnd(ctx context.Context, url string) error {
	return goRun(ctx, []string{"AWS_ENDPOINT_URL=" + url},
		"run", "github.com/onsi/ginkgo/v2/ginkgo", "--label-filter=portable && !slow", "--randomize-all", "--poll-progress-after=2m", "--timeout=15m", "./test/e2e")
}

// goRun runs the go command with more variables in its environment.
func goRun(ctx context.Context, environment []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd.Run()
}
