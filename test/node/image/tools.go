package image

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// installTools installs what a build needs and this machine lacks.
func (b Builder) installTools(ctx context.Context) error {
	missing := missing(exec.LookPath)
	if len(missing) == 0 {
		return nil
	}
	b.say("installing %s by apt-get", strings.Join(missing, ", "))
	env := []string{"DEBIAN_FRONTEND=noninteractive"}
	if _, err := (command{Path: "apt-get", Args: []string{"update"}, Env: env}).run(ctx); err != nil {
		return fmt.Errorf("installing %v: %w", missing, err)
	}
	install := append([]string{"install", "-y", "--no-install-recommends"}, missing...)
	if _, err := (command{Path: "apt-get", Args: install, Env: env}).run(ctx); err != nil {
		return fmt.Errorf("installing %v: %w", missing, err)
	}
	return nil
}

// missing lists the Debian packages whose programs look does not find.
func missing(look func(string) (string, error)) []string {
	var packages []string
	for program, name := range map[string]string{
		"debootstrap": "debootstrap", "dpkg-deb": "dpkg", "gpg": "gpg", "gcc": "gcc", "pkg-config": "pkg-config", "ip": "iproute2",
	} {
		if _, err := look(program); err != nil {
			packages = append(packages, name)
		}
	}
	// runc is linked against libseccomp.
	if _, err := os.Stat("/usr/include/seccomp.h"); err != nil {
		packages = append(packages, "libseccomp-dev")
	}
	slices.Sort(packages)
	return packages
}
