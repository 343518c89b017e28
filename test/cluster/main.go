package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/folder"
)

const usage = `usage: cluster build [flags]     build the programs, print their folder
       cluster up [flags]        run a cluster until interrupted; SIGUSR1 restarts its API server
       cluster down DIR          end the cluster whose folder is DIR
"cluster build -h" and "cluster up -h" list the flags.
`

// errUsage is an error in the command line, already explained.
var errUsage = errors.New("wrong usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Whoever started us may die and take the other end of our output along. Writing to it is then an error like any
	// other, instead of the end of this process before it has cleaned up.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	switch err := run(ctx, os.Args[1:]); {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		_, _ = fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return explain("name a command")
	}
	switch name, rest := args[0], args[1:]; name {
	case "build":
		return build(ctx, rest)
	case "up":
		return up(ctx, rest)
	case "down":
		if len(rest) != 1 {
			return explain("down takes one folder")
		}
		return folder.Down(ctx, rest[0])
	case janitor:
		if len(rest) != 1 {
			return explain("janitor is for up to call")
		}
		// Signals that end a terminal's or a harness's processes must not end the one that cleans up behind them.
		signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		return folder.Guard(context.WithoutCancel(ctx), os.Stdin, rest[0])
	case "-h", "--help", "help":
		_, err := io.WriteString(os.Stdout, usage)
		return err
	default:
		return explain(fmt.Sprintf("there is no command %q", name))
	}
}

func explain(problem string) error {
	_, _ = fmt.Fprintf(os.Stderr, "cluster: %s\n%s", problem, usage)
	return errUsage
}
