package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Label is on everything that a run makes in Docker beside kind's own containers, so that
// the next run finds what a killed one left.
const Label = "karpenter-e2e"

// Docker is a daemon with its client.
type Docker struct {
	// Path is the PATH with which programs that call docker find this client.
	Path string
}

// Running returns the Docker that runs on this machine, if one does and may be used.
func Running(ctx context.Context) (Docker, bool) {
	d := Docker{Path: os.Getenv("PATH")}
	_, err := d.Run(ctx, nil, "version", "--format", "{{.Server.Version}}")
	return d, err == nil
}

// Run runs a command of docker and returns what it printed, without the last line's end.
func (d Docker) Run(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	// env looks the program up in the PATH that it is given.
	cmd := exec.CommandContext(ctx, "env", append([]string{"PATH=" + d.Path, "docker"}, args...)...)
	cmd.Stdin = stdin
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// Sweep removes what a run that was killed left: containers, networks and images with Label.
func (d Docker) Sweep(ctx context.Context) error {
	for _, kind := range []struct{ list, remove []string }{
		{[]string{"ps", "--all"}, []string{"rm", "--force", "--volumes"}},
		{[]string{"network", "ls"}, []string{"network", "rm"}},
		{[]string{"image", "ls"}, []string{"image", "rm", "--force"}},
	} {
		found, err := d.Run(ctx, nil, append(kind.list, "--quiet", "--filter", "label="+Label)...)
		if err != nil {
			return err
		}
		for _, id := range strings.Fields(found) {
			if _, err := d.Run(ctx, nil, append(kind.remove, id)...); err != nil {
				return err
			}
		}
	}
	return nil
}
