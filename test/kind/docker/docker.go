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
