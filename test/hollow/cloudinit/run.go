package cloudinit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// instanceDir is where cloud-init keeps what it has of this instance.
const instanceDir = "/var/lib/cloud/instance"

// done marks that what is run once per instance has been.
const done = instanceDir + "/boot-finished"

// Machine is what user data runs on.
type Machine interface {
	// Logf writes a line to the console.
	Logf(format string, args ...any)
	// Run runs a program as root and returns its exit status.
	Run(ctx context.Context, args ...string) int
	// SetHostname renames the machine, for good when static.
	SetHostname(name string, static bool) error
}

// Disk is the files of a machine. Put and Append make the folders that are missing.
type Disk interface {
	Exists(name string) bool
	Put(name string, content []byte, mode fs.FileMode) error
	Append(name string, content []byte, mode fs.FileMode) error
	Chmod(name string, mode fs.FileMode) error
}

// host is a machine with its disk.
type host struct {
	Machine
	Disk
}

// Run runs user data on a booted machine. It returns what was malformed or failed, all
// of it; a part that fails does not keep the next from running.
func Run(ctx context.Context, machine Machine, disk Disk, data []byte) error {
	m := host{machine, disk}
	first := !m.Exists(done)
	if err := m.Put(instanceDir+"/user-data.txt", data, 0o600); err != nil {
		return err
	}
	parts, malformed := Parse(data)
	if malformed != nil {
		m.Logf("cloud-init: WARNING: %v", malformed)
	}
	config, bad := Merge(parts)
	if bad != nil {
		m.Logf("cloud-init: WARNING: %v", bad)
	}
	err := errors.Join(malformed, bad, early(ctx, m, parts, config))
	if !first {
		return err
	}
	err = errors.Join(err, settle(m, config), install(ctx, m, config), scripts(ctx, m, parts, config))
	m.Logf("cloud-init: finished")
	return errors.Join(err, m.Put(done, nil, 0o644))
}

// early runs what every boot repeats: boot hooks and bootcmd.
func early(ctx context.Context, m host, parts []Part, config Config) error {
	var errs []error
	for _, part := range parts {
		if part.Type == BootHook {
			body := strings.TrimPrefix(string(part.Body), "#cloud-boothook")
			if body = strings.TrimLeft(body, "\r\n"); !strings.HasPrefix(body, "#!") {
				body = "#!/bin/sh\n" + body
			}
			errs = append(errs, runFile(ctx, m, instanceDir+"/boothooks/"+part.Name, body))
		}
	}
	if len(config.BootCmd) > 0 {
		errs = append(errs, runFile(ctx, m, instanceDir+"/scripts/bootcmd", shellScript(config.BootCmd)))
	}
	return errors.Join(errs...)
}

// settle writes files and names the host.
func settle(m host, config Config) error {
	var errs []error
	for _, file := range config.WriteFiles {
		if err := write(m, file); err != nil {
			m.Logf("cloud-init: WARNING: write_files: %v", err)
			errs = append(errs, err)
		}
	}
	if config.Swap != nil && config.Swap.Filename != "" {
		errs = append(errs, m.Append("/proc/swaps", []byte(config.Swap.Filename+"\tfile\t1048572\t0\t-2\n"), 0o444))
	}
	name := cmp.Or(config.Hostname, config.FQDN)
	if config.PreferFQDN {
		name = cmp.Or(config.FQDN, config.Hostname)
	}
	if name != "" && !config.PreserveHostname {
		errs = append(errs, m.SetHostname(name, true))
	}
	return errors.Join(errs...)
}

func write(m host, file File) error {
	content, err := file.Bytes()
	if err != nil {
		return err
	}
	mode, err := file.Mode()
	if err != nil {
		return err
	}
	if file.Append {
		return m.Append(file.Path, content, mode)
	}
	if err := m.Put(file.Path, content, mode); err != nil {
		return err
	}
	return m.Chmod(file.Path, mode)
}

// install installs packages with the system's package manager.
func install(ctx context.Context, m host, config Config) error {
	if len(config.Packages) == 0 && !config.PackageUpdate {
		return nil
	}
	manager := "dnf"
	if m.Exists("/usr/bin/apt-get") {
		manager = "apt-get"
	}
	var errs []error
	if status := m.Run(ctx, manager, "update"); status != 0 {
		errs = append(errs, fmt.Errorf("updating package lists: status %d", status))
	}
	if len(config.Packages) > 0 {
		args := []string{manager, "install", "-y"}
		for _, name := range config.Packages {
			args = append(args, string(name))
		}
		if status := m.Run(ctx, args...); status != 0 {
			errs = append(errs, fmt.Errorf("installing packages: status %d", status))
		}
	}
	return errors.Join(errs...)
}

// scripts runs the shell scripts and runcmd in the order of their file names, as run-parts does.
func scripts(ctx context.Context, m host, parts []Part, config Config) error {
	type script struct{ name, text string }
	var all []script
	for _, part := range parts {
		if part.Type == Script {
			all = append(all, script{part.Name, string(part.Body)})
		}
	}
	if len(config.RunCmd) > 0 {
		all = append(all, script{"runcmd", shellScript(config.RunCmd)})
	}
	slices.SortStableFunc(all, func(a, b script) int { return strings.Compare(a.name, b.name) })
	errs := make([]error, 0, len(all))
	for _, s := range all {
		errs = append(errs, runFile(ctx, m, instanceDir+"/scripts/"+s.name, s.text))
	}
	return errors.Join(errs...)
}

func runFile(ctx context.Context, m host, name, text string) error {
	if !strings.HasPrefix(text, "#!") {
		m.Logf("cloud-init: WARNING: Failed to run %s: Exec format error. Missing #! in script?", name)
		return fmt.Errorf("running %s: no #! line", name)
	}
	if err := m.Put(name, []byte(text), 0o700); err != nil {
		return err
	}
	if err := m.Chmod(name, 0o700); err != nil {
		return err
	}
	if status := m.Run(ctx, name); status != 0 {
		m.Logf("cloud-init: WARNING: Failed to run %s, exit status %d", name, status)
		return fmt.Errorf("running %s: exit status %d", name, status)
	}
	return nil
}

// shellScript is what cloud-init makes of a list of commands: a script of one line each,
// in which a list is quoted word by word.
func shellScript(commands []Command) string {
	var out strings.Builder
	out.WriteString("#!/bin/sh\n")
	for _, command := range commands {
		line := command.Line
		if command.Args != nil {
			quoted := make([]string, 0, len(command.Args))
			for _, arg := range command.Args {
				quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'"'"'`)+"'")
			}
			line = strings.Join(quoted, " ")
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}
