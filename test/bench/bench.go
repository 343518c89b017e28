package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/arena"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/report"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/scenario"
)

// bench is one run of the program.
type bench struct {
	options options
	logs    string
	started time.Time
	result  result.Run
	failed  bool // a scenario did not come to its end, so that logs are of use
}

func run(ctx context.Context, args []string) (err error) {
	o, chosen, err := parse(args)
	if err != nil {
		return err
	}
	subjects, err := o.subjects()
	if err != nil {
		return err
	}
	b := &bench{options: o, logs: o.logs, started: time.Now()}
	if err := b.folders(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.cleanUp(err == nil)) }()
	stop, err := b.profileSelf()
	if err != nil {
		return err
	}
	defer stop()
	b.result = result.Run{Started: b.started, Machine: machine(), Conditions: conditions(subjects, chosen)}
	for round := 1; round <= o.rounds; round++ {
		for _, group := range scenario.Group(chosen) {
			for _, subject := range subjects {
				if err := b.perform(ctx, subject, group, round); err != nil {
					return err
				}
			}
		}
	}
	return b.report()
}

// perform does a group of scenarios to one controller, in a world of their own.
func (b *bench) perform(ctx context.Context, subject arena.Subject, group []scenario.Chosen, round int) error {
	logs := filepath.Join(b.logs, fmt.Sprintf("%s-%s-%d", group[0].Name, subject.Name, round))
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	environment := map[string]string{}
	for key, value := range group[0].Environment {
		environment[key] = value
	}
	if b.options.profiles != "" {
		environment["ENABLE_PROFILING"] = "true"
	}
	say := func(text string) { b.say(group[0].Name, subject.Name, text) }
	a, failure := arena.New(ctx, arena.Options{
		Subject: subject, Logs: logs, Nodes: group[0].Nodes(), Environment: environment, Progress: say,
	})
	if failure != nil {
		return b.neverReady(ctx, subject, group, round, failure)
	}
	defer a.Stop()
	for _, chosen := range group {
		row, err := scenario.Perform(ctx, a, chosen.Scenario, scenario.Options{
			N: chosen.N, Steady: b.options.steady, Profiles: b.options.profiles,
			Progress: func(text string) { b.say(chosen.Name, subject.Name, text) },
		})
		if err != nil {
			return err
		}
		b.add(row, round)
	}
	return nil
}

// neverReady gives each scenario of a group a row that says why there is nothing else in it.
func (b *bench) neverReady(ctx context.Context, subject arena.Subject, group []scenario.Chosen, round int, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, chosen := range group {
		b.add(result.Row{Scenario: chosen.Name, Controller: subject.Name, N: chosen.N, Unfinished: err.Error()}, round)
	}
	return nil
}

func (b *bench) add(row result.Row, round int) {
	row.Round = round
	b.result.Rows = append(b.result.Rows, row)
	b.failed = b.failed || row.Unfinished != ""
	b.say(row.Scenario, row.Controller, report.Line(row))
}

func (b *bench) say(name, subject, text string) {
	fmt.Fprintf(os.Stderr, "%7.1f s  %-13s %-6s %s\n", time.Since(b.started).Seconds(), name, subject, text)
}

// report writes what was found everywhere.
func (b *bench) report() error {
	before, err := report.Load(b.options.baseline)
	if err != nil {
		return err
	}
	fmt.Println(report.Table(b.result, before))
	if err := report.Save(filepath.Join(b.options.out, "result.json"), b.result); err != nil {
		return err
	}
	page := filepath.Join(b.options.out, "report.html")
	if err := report.WriteHTML(page, b.result, before, whats()); err != nil {
		return err
	}
	fmt.Println("report:", page)
	if b.options.save {
		return report.Save(b.options.baseline, b.result)
	}
	return nil
}

// profileSelf takes a CPU profile of the bench itself beside those of controllers: what it
// uses of the machine, they cannot.
func (b *bench) profileSelf() (stop func(), err error) {
	if b.options.profiles == "" {
		return func() {}, nil
	}
	file, err := os.Create(filepath.Join(b.options.profiles, "bench.cpu.pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}

func (b *bench) folders() error {
	for _, dir := range []string{b.options.out, b.options.profiles, b.options.logs} {
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if b.logs != "" {
		return nil
	}
	var err error
	b.logs, err = os.MkdirTemp("", "karpenter-bench-*")
	return err
}

// cleanUp removes logs that nobody asked for or needs.
func (b *bench) cleanUp(worked bool) error {
	if b.options.logs != "" {
		return nil
	}
	if b.failed || !worked {
		fmt.Fprintln(os.Stderr, "the output of every part is in", b.logs)
		return nil
	}
	return os.RemoveAll(b.logs)
}

// whats say what the scenarios do.
func whats() report.Whats {
	all := report.Whats{}
	for _, s := range scenario.All() {
		all[s.Name] = s.What
	}
	return all
}

func machine() string {
	return fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// conditions are what a reader must know of the numbers.
func conditions(subjects []arena.Subject, chosen []scenario.Chosen) []string {
	all := make([]string, 0, len(subjects)+6)
	for _, s := range subjects {
		how := "a Custom EC2NodeClass, the bench's user data and bootstrap token, and kubeadm's own approval"
		if s.Own {
			how = "its own rendering for Ubuntu, token and approver"
		}
		all = append(all, fmt.Sprintf("%s is %s, with %s.", s.Name, filepath.Base(s.Binary), how))
	}
	nodes := 0
	for _, c := range chosen {
		nodes = max(nodes, c.Nodes())
	}
	return append(all,
		"Control plane, pretended AWS, hollow nodes and controller share the cores of this machine; times are from the bench's own watches.",
		"Hollow nodes run their user data, join by kubeadm's steps and register for real; an operating system's boot takes no time. EC2 takes 4 s to run an instance and 10 s to end it, answers launches after 1 s and other calls after 0.1 s.",
		fmt.Sprintf("With %d nodes each renews its lease every %s.", nodes, arena.LeaseInterval(nodes)),
		"EC2's token buckets are in force: 50 + 5/s for mutating calls, RunInstances 5 + 2/s, Describe* 100 + 20/s, TerminateInstances 100 + 5/s, CreateTags 100 + 10/s, and buckets of 1,000 instances.",
		"Each controller is its only replica and holds no lease (DISABLE_LEADER_ELECTION).",
		"Nodes are not consolidated but in the scenario of that name.",
		"CPU time and memory are those of the controller's process, from the beginning of a scenario to 15 s after its end. The cost's bound is a price that no set of nodes that holds the pods can undercut.")
}
