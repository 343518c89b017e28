package coreutils

import (
	"context"
	"io/fs"
	"path"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func listings() map[string]shell.Command {
	return map[string]shell.Command{
		"ls": ls, "find": find, "readlink": readlink, "realpath": readlink,
		"dirname": dirname, "basename": basename, "which": which,
	}
}

func ls(_ context.Context, p *shell.Proc) int {
	return syntax{short: "la1dhRtrA"}.run(p, 2, func(o options, names []string) int {
		status := 0
		for _, name := range names {
			if _, err := p.FS.Lstat(p.Path(name)); err != nil {
				status = p.Fail(2, "cannot access '%s': %s", name, shell.Reason(err))
				continue
			}
			list(p, o, name)
		}
		if len(names) == 0 {
			list(p, o, ".")
		}
		return status
	})
}

func list(p *shell.Proc, o options, name string) {
	show := func(shown, at string) {
		if !o.has("l") {
			p.Printf("%s\n", shown)
			return
		}
		if info, err := p.FS.Lstat(at); err == nil {
			p.Printf("%s 1 root root %d %s %s\n", info.Mode(), info.Size(), info.ModTime().Format("Jan _2 15:04"), shown)
		}
	}
	entries, err := p.FS.ReadDir(p.Path(name))
	if err != nil || o.has("d") {
		show(name, p.Path(name))
		return
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") || o.has("a") || o.has("A") {
			show(entry.Name(), path.Join(p.Path(name), entry.Name()))
		}
	}
}

// find knows -name, -type, -maxdepth, -delete and -print.
func find(_ context.Context, p *shell.Proc) int {
	roots, rest := []string{}, p.Args[1:]
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		roots, rest = append(roots, rest[0]), rest[1:]
	}
	s := search{p: p, depth: -1}
	for len(rest) > 0 {
		switch {
		case rest[0] == "-print":
			rest = rest[1:]
		case rest[0] == "-delete":
			s.remove, rest = true, rest[1:]
		case len(rest) < 2 || !s.set(rest[0], rest[1]):
			return p.Fail(1, "unknown predicate '%s'", rest[0])
		default:
			rest = rest[2:]
		}
	}
	status := 0
	for _, root := range roots {
		status = max(status, s.walk(root, 0))
	}
	return status
}

type search struct {
	p          *shell.Proc
	name, kind string
	depth      int // below the start; -1 is any
	remove     bool
}

func (s *search) set(predicate, value string) bool {
	switch predicate {
	case "-name":
		s.name = value
	case "-type":
		s.kind = value
	case "-maxdepth":
		s.depth = max(0, atoi(value))
	default:
		return false
	}
	return true
}

func (s *search) walk(name string, depth int) int {
	at := s.p.Path(name)
	info, err := s.p.FS.Lstat(at)
	if err != nil {
		return s.p.Fail(1, "'%s': %s", name, shell.Reason(err))
	}
	kind := map[fs.FileMode]string{0: "f", fs.ModeDir: "d", fs.ModeSymlink: "l"}[info.Mode().Type()]
	status := 0
	if kind == "d" && (s.depth < 0 || depth < s.depth) {
		entries, _ := s.p.FS.ReadDir(at)
		for _, entry := range entries {
			status = max(status, s.walk(path.Join(name, entry.Name()), depth+1))
		}
	}
	if s.wants(at, kind) {
		status = max(status, s.act(name))
	}
	return status
}

func (s *search) wants(at, kind string) bool {
	matches, err := path.Match(s.name, path.Base(at))
	return (s.kind == "" || s.kind == kind) && (s.name == "" || (matches && err == nil))
}

// act prints or deletes what was found.
func (s *search) act(name string) int {
	if !s.remove {
		s.p.Printf("%s\n", name)
		return 0
	}
	if err := s.p.FS.Remove(s.p.Path(name)); err != nil {
		return s.p.Fail(1, "cannot delete '%s': %s", name, shell.Reason(err))
	}
	return 0
}

func readlink(_ context.Context, p *shell.Proc) int {
	return syntax{short: "femqs"}.run(p, 1, func(o options, names []string) int {
		status := 0
		for _, name := range names {
			find := p.FS.Readlink
			if len(o) > 0 || path.Base(p.Args[0]) == "realpath" {
				find = p.FS.Resolve
			}
			target, err := find(p.Path(name))
			if err != nil {
				status = 1
				continue
			}
			p.Printf("%s\n", target)
		}
		return status
	})
}

func dirname(_ context.Context, p *shell.Proc) int {
	for _, name := range p.Args[1:] {
		p.Printf("%s\n", path.Dir(name))
	}
	return 0
}

func basename(_ context.Context, p *shell.Proc) int {
	if len(p.Args) < 2 {
		return p.Fail(1, "missing operand")
	}
	base := path.Base(p.Args[1])
	if len(p.Args) > 2 {
		base = strings.TrimSuffix(base, p.Args[2])
	}
	p.Printf("%s\n", base)
	return 0
}

func which(_ context.Context, p *shell.Proc) int {
	status := 0
	for _, name := range p.Args[1:] {
		if file, ok := p.Look(name); ok {
			p.Printf("%s\n", file)
		} else {
			status = 1
		}
	}
	return status
}
