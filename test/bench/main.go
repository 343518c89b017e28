// Command bench measures Karpenter controllers on this machine: how fast pods get nodes, what
// the controller uses for it, and how much it asks of AWS and of the API server. Any controller that
// takes the AWS provider's environment variables can be measured, two of them alternately.
//
// It starts everything itself on loopback: see package arena. Rows go to the terminal as they
// are found, and to JSON and a page of HTML at the end. It ends with exit code 0 when every
// scenario has a row, whether or not the controller came to its end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/arena"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/scenario"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Memory is cheaper here than the cores, which the controller under test needs.
	debug.SetGCPercent(400)
	// What client-go has to say of watches that end with a world is of no interest here.
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	err := run(ctx, os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	controller, other string
	name, otherName   string
	scenarios         string
	n, rounds         int
	own               bool
	steady            time.Duration
	out, baseline     string
	save              bool
	profiles, logs    string
}

func parse(args []string) (options, []scenario.Chosen, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.controller, "controller", "bin/controller", "controller to measure")
	flags.StringVar(&o.other, "controller-b", "", "another to measure alternately")
	flags.StringVar(&o.name, "name", "A", "what the first is called in the report")
	flags.StringVar(&o.otherName, "name-b", "B", "what the second is called")
	flags.StringVar(&o.scenarios, "scenario", "burst,steady,restart", `scenarios, or "all"; each may have an N of its own, as in drift:50`)
	flags.IntVar(&o.n, "n", 0, "N of all scenarios but slow ones, which keep their default; 0 is each scenario's default")
	flags.IntVar(&o.rounds, "rounds", 1, "how often everything is measured")
	flags.BoolVar(&o.own, "own", true, "also measure the first controller with user data, token and approver of its own")
	flags.DurationVar(&o.steady, "steady", 2*time.Minute, "how long the steady state is watched")
	flags.StringVar(&o.out, "out", "bin/bench", "folder for result.json, report.html and the baseline")
	flags.StringVar(&o.baseline, "baseline", "", "result to compare with (default baseline.json in the folder, where it is)")
	flags.BoolVar(&o.save, "save-baseline", false, "keep the result as the baseline")
	flags.StringVar(&o.profiles, "profiles", "", "folder for CPU and heap profiles of the controllers; taking them costs CPU time")
	flags.StringVar(&o.logs, "logs", "", "folder to keep the output of every part in (default: kept in a temporary one where a scenario did not end)")
	if err := flags.Parse(args); err != nil {
		return o, nil, err
	}
	if flags.NArg() > 0 {
		return o, nil, fmt.Errorf("unexpected argument %q; there are flags only, see -help", flags.Arg(0))
	}
	chosen, err := scenario.Choose(o.scenarios, o.n)
	if o.baseline == "" {
		o.baseline = filepath.Join(o.out, "baseline.json")
	}
	return o, chosen, err
}

// subjects are the columns, in the order in which each group of scenarios is done to them.
func (o options) subjects() ([]arena.Subject, error) {
	first, err := filepath.Abs(o.controller)
	if err != nil {
		return nil, err
	}
	all := []arena.Subject{{Name: o.name, Binary: first}}
	if o.other != "" {
		second, err := filepath.Abs(o.other)
		if err != nil {
			return nil, err
		}
		all = append(all, arena.Subject{Name: o.otherName, Binary: second})
	}
	if o.own {
		all = append(all, arena.Subject{Name: o.name + "-own", Binary: first, Own: true})
	}
	for _, s := range all {
		if _, err := os.Stat(s.Binary); err != nil {
			return nil, fmt.Errorf("finding controller %s: %w", s.Name, err)
		}
	}
	return all, nil
}
