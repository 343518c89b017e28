package coreutils

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func files() map[string]shell.Command {
	return map[string]shell.Command{
		"mkdir": mkdir, "rmdir": rmdir, "rm": rm, "cp": cp, "mv": mv, "ln": ln,
		"chmod": chmod, "chown": chown, "chgrp": chown, "touch": touch, "mktemp": mktemp, "install": install,
	}
}

func mkdir(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "pvm:", long: map[string]string{"parents": "p", "mode": "m", "verbose": "v"}}
	return s.run(p, 1, func(o options, names []string) int {
		mode, err := strconv.ParseUint(o.last("m", "755"), 8, 32)
		if err != nil {
			return p.Fail(1, "invalid mode '%s'", o.last("m", ""))
		}
		status := 0
		for _, name := range names {
			create := p.FS.Mkdir
			if o.has("p") {
				create = p.FS.MkdirAll
			}
			if err := create(p.Path(name), fs.FileMode(mode)); err != nil {
				status = p.Fail(1, "cannot create directory '%s': %s", name, shell.Reason(err))
			}
		}
		return status
	})
}

func rmdir(_ context.Context, p *shell.Proc) int {
	return syntax{}.run(p, 1, func(_ options, names []string) int {
		status := 0
		for _, name := range names {
			if err := p.FS.Remove(p.Path(name)); err != nil {
				status = p.Fail(1, "failed to remove '%s': %s", name, shell.Reason(err))
			}
		}
		return status
	})
}

func rm(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "rRfv", long: map[string]string{"recursive": "r", "force": "f", "verbose": "v"}}
	return s.run(p, 1, func(o options, names []string) int {
		status := 0
		for _, name := range names {
			if err := removeOne(p, o, p.Path(name)); err != nil {
				status = p.Fail(1, "cannot remove '%s': %s", name, shell.Reason(err))
			}
		}
		return status
	})
}

func removeOne(p *shell.Proc, o options, name string) error {
	info, err := p.FS.Lstat(name)
	if err != nil {
		if o.has("f") && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if info.IsDir() && !o.has("r") && !o.has("R") {
		return syscall.EISDIR
	}
	return p.FS.RemoveAll(name)
}

// destination returns where source goes: into target when that is a directory, else to target.
func destination(p *shell.Proc, source, target string) string {
	if info, err := p.FS.Stat(p.Path(target)); err == nil && info.IsDir() {
		return path.Join(p.Path(target), path.Base(source))
	}
	return p.Path(target)
}

// pairs calls body with each source and where it goes.
func pairs(p *shell.Proc, names []string, body func(source, target string) error) int {
	if len(names) < 2 {
		return p.Fail(1, "missing destination file operand")
	}
	status, target := 0, names[len(names)-1]
	for _, source := range names[:len(names)-1] {
		if err := body(source, destination(p, source, target)); err != nil {
			status = p.Fail(1, "'%s': %s", source, shell.Reason(err))
		}
	}
	return status
}

func cp(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "afrRpvn", long: map[string]string{"archive": "a", "force": "f", "recursive": "r", "verbose": "v", "no-clobber": "n"}}
	return s.run(p, 1, func(o options, names []string) int {
		deep := o.has("a") || o.has("r") || o.has("R")
		return pairs(p, names, func(source, target string) error {
			if o.has("n") && p.FS.Exists(target) {
				return nil
			}
			return copyTree(p, p.Path(source), target, deep)
		})
	})
}

func copyTree(p *shell.Proc, source, target string, deep bool) error {
	info, err := p.FS.Stat(source)
	if err != nil || !info.IsDir() {
		return errors.Join(err, copyFile(p, source, target, info))
	}
	if !deep {
		return fmt.Errorf("-r not specified; omitting directory '%s'", source)
	}
	entries, err := p.FS.ReadDir(source)
	err = errors.Join(err, p.FS.MkdirAll(target, info.Mode()))
	for _, entry := range entries {
		err = errors.Join(err, copyTree(p, path.Join(source, entry.Name()), path.Join(target, entry.Name()), true))
	}
	return err
}

func copyFile(p *shell.Proc, source, target string, info fs.FileInfo) error {
	if info == nil {
		return nil
	}
	content, err := p.ReadFile(source)
	if err != nil {
		return err
	}
	return p.FS.WriteFile(target, content, info.Mode())
}

func mv(_ context.Context, p *shell.Proc) int {
	return syntax{short: "fv"}.run(p, 1, func(_ options, names []string) int {
		return pairs(p, names, func(source, target string) error { return p.FS.Rename(p.Path(source), target) })
	})
}

func ln(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "sfnvT", long: map[string]string{"symbolic": "s", "force": "f"}}
	return s.run(p, 1, func(o options, names []string) int {
		return pairs(p, names, func(source, target string) error {
			if o.has("n") || o.has("T") {
				target = p.Path(names[len(names)-1])
			}
			if o.has("f") {
				if err := p.FS.RemoveAll(target); err != nil {
					return err
				}
			}
			if o.has("s") {
				return p.FS.Symlink(source, target)
			}
			return copyTree(p, p.Path(source), target, false)
		})
	})
}

func chmod(_ context.Context, p *shell.Proc) int {
	return syntax{short: "Rvrwx"}.run(p, 1, func(o options, names []string) int {
		if len(names) < 2 {
			return p.Fail(1, "missing operand")
		}
		status := 0
		for _, name := range names[1:] {
			if err := chmodTree(p, names[0], p.Path(name), o.has("R")); err != nil {
				status = p.Fail(1, "cannot access '%s': %s", name, shell.Reason(err))
			}
		}
		return status
	})
}

func chmodTree(p *shell.Proc, how, name string, deep bool) error {
	info, err := p.FS.Stat(name)
	if err != nil {
		return err
	}
	mode, err := modeOf(how, info.Mode().Perm())
	if err != nil {
		return err
	}
	err = p.FS.Chmod(name, mode)
	if !deep || !info.IsDir() {
		return err
	}
	entries, listing := p.FS.ReadDir(name)
	err = errors.Join(err, listing)
	for _, entry := range entries {
		err = errors.Join(err, chmodTree(p, how, path.Join(name, entry.Name()), true))
	}
	return err
}

// modeOf applies a mode as chmod takes it, "644" or "u+x,go-w", to old.
func modeOf(how string, old fs.FileMode) (fs.FileMode, error) {
	if octal, err := strconv.ParseUint(how, 8, 12); err == nil {
		return fs.FileMode(octal).Perm(), nil
	}
	mode := old
	for _, clause := range strings.Split(how, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, fmt.Errorf("invalid mode: '%s'", how)
		}
		who := bitsOf(clause[:at], map[string]fs.FileMode{"u": 0o700, "g": 0o070, "o": 0o007, "a": 0o777})
		if at == 0 {
			who = 0o777
		}
		bits := who & bitsOf(clause[at+1:], map[string]fs.FileMode{"r": 0o444, "w": 0o222, "x": 0o111, "X": 0o111})
		switch clause[at] {
		case '+':
			mode |= bits
		case '-':
			mode &^= bits
		default:
			mode = mode&^who | bits
		}
	}
	return mode, nil
}

func bitsOf(letters string, masks map[string]fs.FileMode) fs.FileMode {
	var bits fs.FileMode
	for letter, mask := range masks {
		if strings.Contains(letters, letter) {
			bits |= mask
		}
	}
	return bits
}

func chown(_ context.Context, p *shell.Proc) int {
	return syntax{short: "Rvh"}.run(p, 1, func(_ options, names []string) int {
		status := 0
		for _, name := range names[min(1, len(names)):] {
			if !p.FS.Exists(p.Path(name)) {
				status = p.Fail(1, "cannot access '%s': No such file or directory", name)
			}
		}
		return status
	})
}

func touch(_ context.Context, p *shell.Proc) int {
	return syntax{short: "acm"}.run(p, 1, func(o options, names []string) int {
		status := 0
		for _, name := range names {
			if info, err := p.FS.Stat(p.Path(name)); (err == nil && info.IsDir()) || (err != nil && o.has("c")) {
				continue
			}
			if err := p.FS.Touch(p.Path(name), 0o644); err != nil {
				status = p.Fail(1, "cannot touch '%s': %s", name, shell.Reason(err))
			}
		}
		return status
	})
}

func mktemp(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "dqtp:", long: map[string]string{"directory": "d", "tmpdir": "p", "quiet": "q"}}
	return s.run(p, 1, func(o options, names []string) int {
		template := "/tmp/tmp.XXXXXXXXXX"
		if len(names) > 0 {
			template = names[0]
			if o.has("t") || o.has("p") {
				template = path.Join(o.last("p", "/tmp"), template)
			}
		}
		var unique [5]byte
		if _, err := rand.Read(unique[:]); err != nil {
			return p.Fail(1, "%v", err)
		}
		stem := strings.TrimRight(template, "X")
		if len(template)-len(stem) < 3 {
			return p.Fail(1, "too few X's in template '%s'", template)
		}
		name := stem + hex.EncodeToString(unique[:])
		var err error
		if o.has("d") {
			err = p.FS.Mkdir(p.Path(name), 0o700)
		} else {
			err = p.FS.WriteFile(p.Path(name), nil, 0o600)
		}
		if err != nil {
			return p.Fail(1, "failed to create file via template '%s': %s", template, shell.Reason(err))
		}
		p.Printf("%s\n", name)
		return 0
	})
}

func install(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "dDm:o:g:v", long: map[string]string{"directory": "d", "mode": "m", "owner": "o", "group": "g"}}
	return s.run(p, 1, func(o options, names []string) int {
		mode, err := strconv.ParseUint(o.last("m", "755"), 8, 12)
		if err != nil {
			return p.Fail(1, "invalid mode '%s'", o.last("m", ""))
		}
		if o.has("d") {
			status := 0
			for _, name := range names {
				if err := p.FS.MkdirAll(p.Path(name), fs.FileMode(mode)); err != nil {
					status = p.Fail(1, "cannot create directory '%s': %s", name, shell.Reason(err))
				}
			}
			return status
		}
		return pairs(p, names, func(source, target string) error {
			content, err := p.ReadFile(source)
			if err == nil && o.has("D") {
				err = p.FS.MkdirAll(path.Dir(target), 0o755)
			}
			if err == nil {
				err = p.FS.WriteFile(target, content, fs.FileMode(mode))
			}
			if err == nil {
				err = p.FS.Chmod(target, fs.FileMode(mode))
			}
			return err
		})
	})
}
