package machine

import (
	"context"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// systemctl is the program of that name, for services.
func (s *systemd) systemctl(_ context.Context, p *shell.Proc) int {
	now := slices.Contains(p.Args, "--now")
	quiet := slices.Contains(p.Args, "-q") || slices.Contains(p.Args, "--quiet")
	words := slices.DeleteFunc(slices.Clone(p.Args[1:]), func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if len(words) == 0 {
		return 0
	}
	verb, status := words[0], 0
	if slices.Contains([]string{"daemon-reload", "daemon-reexec", "reset-failed", "list-units", "show"}, verb) {
		return 0 // units are read afresh whenever they start
	}
	if len(words) == 1 {
		return p.Fail(1, "Too few arguments.")
	}
	for _, name := range words[1:] {
		status = max(status, s.command(p, verb, name, now, quiet))
	}
	return status
}

func (s *systemd) command(p *shell.Proc, verb, name string, now, quiet bool) int {
	switch verb {
	case "start":
		return s.say(p, s.start(name))
	case "restart", "reload-or-restart", "try-restart", "reload", "force-reload":
		s.stopUnit(name)
		return s.say(p, s.start(name))
	case "stop":
		s.stopUnit(name)
		if !s.exists(name) {
			return p.Fail(5, "Failed to stop %s: Unit %s not loaded.", full(name), full(name))
		}
		return 0
	case "is-active", "status":
		return s.report(p, s.state(name), stateActive, quiet, 3)
	case "is-failed":
		return s.report(p, s.state(name), stateFailed, quiet, 1)
	case "is-enabled":
		return s.isEnabled(p, name, quiet)
	case "enable", "unmask", "disable", "mask":
		return s.install(p, verb, name, now)
	}
	return p.Fail(1, "Unknown command verb %s.", verb)
}

func (s *systemd) report(p *shell.Proc, state, wanted string, quiet bool, otherwise int) int {
	if !quiet {
		p.Printf("%s\n", state)
	}
	if state == wanted {
		return 0
	}
	return otherwise
}

func (s *systemd) isEnabled(p *shell.Proc, name string, quiet bool) int {
	if !s.exists(name) {
		return p.Fail(4, "Failed to get unit file state for %s: No such file or directory", full(name))
	}
	state := "disabled"
	switch {
	case s.masked(name):
		state = "masked"
	case s.enabled(name):
		state = "enabled"
	}
	return s.report(p, state, "enabled", quiet, 1)
}

func (s *systemd) install(p *shell.Proc, verb, name string, now bool) int {
	disk := s.machine.FS
	if verb == "mask" {
		_ = disk.RemoveAll("/etc/systemd/system/" + full(name))
		if now {
			s.stopUnit(name)
		}
		return s.say(p, disk.Symlink("/dev/null", "/etc/systemd/system/"+full(name)))
	}
	if verb == "unmask" {
		if s.masked(name) {
			return s.say(p, disk.Remove("/etc/systemd/system/"+full(name)))
		}
		return 0
	}
	if !s.exists(name) {
		return p.Fail(1, "Failed to %s unit: Unit file %s does not exist.", verb, full(name))
	}
	if verb == "disable" {
		if now {
			s.stopUnit(name)
		}
		return s.say(p, s.disable(name))
	}
	err := s.enable(name)
	if err == nil && now {
		err = s.start(name)
	}
	return s.say(p, err)
}

func (s *systemd) exists(name string) bool {
	_, err := readUnit(s.machine.FS, full(name))
	return err == nil
}

// say prints an error as systemctl does and returns its status.
func (s *systemd) say(p *shell.Proc, err error) int {
	switch {
	case err == nil:
		return 0
	case strings.HasSuffix(err.Error(), "not found."):
		return p.Fail(5, "%v", err)
	}
	return p.Fail(1, "%v", err)
}
