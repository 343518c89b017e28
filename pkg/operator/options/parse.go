package options

import (
	"errors"
	"flag"
	"fmt"
	"io"

	coreoptions "sigs.k8s.io/karpenter/pkg/operator/options"
)

// ErrHelp says that the command line asks for help, which Read has written.
var ErrHelp = flag.ErrHelp

// Read returns core's options and ours from args and the environment, with all their faults
// in one error. Core reads them again as it starts, and panics on a fault; after Read there
// is none. help is where the list of flags goes when args ask for it.
func Read(args []string, help io.Writer) (*coreoptions.Options, *Options, error) {
	core, own := &coreoptions.Options{}, &Options{}
	fs := &coreoptions.FlagSet{FlagSet: flag.NewFlagSet("karpenter", flag.ContinueOnError)}
	fs.SetOutput(io.Discard) // faults are returned
	core.AddFlags(fs)
	own.AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fs.SetOutput(help)
			fs.PrintDefaults()
			return nil, nil, ErrHelp
		}
		return nil, nil, fmt.Errorf("command line: %w", err)
	}
	if err := errors.Join(core.Parse(fs, args...), own.Parse(fs, args...)); err != nil {
		return nil, nil, err
	}
	return core, own, nil
}
