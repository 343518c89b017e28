package shell_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/coreutils"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

// start runs text on a machine with the coreutils; what the script writes to the console is appended to its output.
func start(t *testing.T, text string) (string, int) {
	t.Helper()
	g := NewWithT(t)
	disk := vfs.New()
	commands := coreutils.Commands()
	for name := range commands {
		g.Expect(disk.Put("/usr/bin/"+name, shell.Program(name, ""), 0o755)).To(Succeed())
	}
	g.Expect(disk.Symlink("usr/bin", "/bin")).To(Succeed())
	for _, dir := range []string{"/tmp", "/etc", "/var/log", "/root", "/with space"} {
		g.Expect(disk.MkdirAll(dir, 0o755)).To(Succeed())
	}
	g.Expect(disk.Put("/etc/os-release", []byte("ID=ubuntu\nVERSION_ID=\"24.04\"\n"), 0o644)).To(Succeed())
	var out, console bytes.Buffer
	s := &shell.Shell{FS: disk, Commands: commands, Pipes: t.TempDir(), Devices: map[string]shell.Device{"/dev/console": shell.Writer(&console)}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	g.Expect(disk.Put("/script", []byte(text), 0o755)).To(Succeed())
	status := s.Start(ctx, []string{"PATH=" + shell.DefaultPath, "HOME=/root"}, []string{"/script", "first"}, &out)
	return out.String() + console.String(), status
}

func TestScripts(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		out    string
		status int
	}{
		"unknown command":                   {"#!/bin/bash\nkubeadm join", "bash: kubeadm: command not found\n", 127},
		"set -e ends at it":                 {"#!/bin/bash\nset -e\nkubeadm\necho no", "bash: kubeadm: command not found\n", 127},
		"without set -e it goes on":         {"#!/bin/bash\nkubeadm 2>/dev/null\necho yes", "yes\n", 0},
		"options of the first line":         {"#!/bin/bash -e\nfalse\necho no", "", 1},
		"set -u":                            {"#!/bin/bash\nset -u\necho $NOPE\necho no", "NOPE: unbound variable\n", 1},
		"pipefail":                          {"#!/bin/bash\nset -o pipefail\nfalse | true", "", 1},
		"no first line":                     {"echo $1", "first\n", 0},
		"env finds bash":                    {"#!/usr/bin/env bash\necho $1", "first\n", 0},
		"interpreter that is not there":     {"#!/usr/bin/python3\nprint()", "/script: /usr/bin/python3: bad interpreter: No such file or directory\n", 127},
		"syntax error":                      {"#!/bin/bash\nif true; then", "", 2},
		"functions, arrays and here docs":   {"#!/bin/bash\nf() { local a=(\"$@\"); cat <<E\n${#a[@]} ${a[1]}\nE\n}\nf x 'y z'", "2 y z\n", 0},
		"sourced file":                      {"#!/bin/bash\n. /etc/os-release\necho $ID $VERSION_ID", "ubuntu 24.04\n", 0},
		"sourced relative file":             {"#!/bin/bash\ncd /etc\nsource os-release\necho $ID", "ubuntu\n", 0},
		"globs see the machine":             {"#!/bin/bash\necho /etc/*", "/etc/os-release\n", 0},
		"tests see the machine":             {"#!/bin/bash\n[[ -f /etc/os-release && ! -e /etc/passwd && -x /bin/cat && ! -x /etc/os-release ]]", "", 0},
		"process substitution":              {"#!/bin/bash\nread -r line < <(echo hi)\necho $line; cat <(echo there)", "hi\nthere\n", 0},
		"log idiom of user data":            {"#!/bin/bash\nexec > >(tee /var/log/user-data.log) 2>&1\necho hello", "hello\n", 0},
		"console":                           {"#!/bin/bash\necho phase=start > /dev/console", "phase=start\n", 0},
		"stderr as a file":                  {"#!/bin/bash\necho oops > /dev/stderr", "oops\n", 0},
		"command -v finds the machine's":    {"#!/bin/bash\ncommand -v cat; command -v /bin/cat", "/usr/bin/cat\n/bin/cat\n", 0},
		"command -v of nothing":             {"#!/bin/bash\ncommand -v kubeadm || echo none", "none\n", 0},
		"command -v of function, builtin":   {"#!/bin/bash\nf() { :; }; command -v f cd", "f\ncd\n", 0},
		"command runs past a function":      {"#!/bin/bash\ncat() { echo no; }; command cat /etc/os-release | head -n1", "ID=ubuntu\n", 0},
		"type":                              {"#!/bin/bash\ntype -t cat; type cat; type -p cat; type kubeadm >/dev/null 2>&1 || echo none", "file\ncat is /usr/bin/cat\n/usr/bin/cat\nnone\n", 0},
		"hash":                              {"#!/bin/bash\nhash cat && hash kubeadm", "hash: kubeadm: not found\n", 1},
		"umask is accepted":                 {"#!/bin/bash\numask 077; (umask 022; echo x > /tmp/x); cat /tmp/x", "x\n", 0},
		"background and wait":               {"#!/bin/bash\n(echo a > /tmp/a) & wait; cat /tmp/a", "a\n", 0},
		"trap on exit":                      {"#!/bin/bash\nset -e\ntrap 'echo bye $?' EXIT\nfalse", "bye 1\n", 1},
		"home is the machine's":             {"#!/bin/bash\ncd; pwd; echo ~ ~root ~ubuntu/x; echo \"[$TMPDIR]\"", "/root\n/root /root /home/ubuntu/x\n[]\n", 0},
		"directory with a space":            {"#!/bin/bash\ncd '/with space' && bash -c pwd", "/with space\n", 0},
		"assignments reach the child":       {"#!/bin/bash\nexport A=1; B=2 bash -c 'echo $A$B$C'", "12\n", 0},
		"script on standard input":          {"#!/bin/bash\necho 'echo piped $1' | bash -s x", "piped x\n", 0},
		"sh does not have bash's arrays":    {"#!/bin/sh\na=(1 2)", "", 2},
		"program copied to another name":    {"#!/bin/bash\ncp /bin/cat /tmp/feline && /tmp/feline /etc/os-release | head -n1", "ID=ubuntu\n", 0},
		"binary that is no program of ours": {"#!/bin/bash\nprintf '\\177ELF\\0' > /tmp/b; chmod +x /tmp/b; /tmp/b", "bash: /tmp/b: Exec format error\n", 126},
		"exec replaces the shell":           {"#!/bin/bash\nexec echo one\necho two", "one\n", 0},
		"recursion without end":             {"#!/bin/bash\nf() { f; }; f; echo no", "maximum function nesting level exceeded\n", 1},
		"recursion with an end":             {"#!/bin/bash\nf() { [ $1 = 0 ] || f $(($1-1)); }; f 200; echo yes", "yes\n", 0},
		"arithmetic and expansion":          {"#!/bin/bash\nx=a.b.c; echo $((2*3)) ${x%%.*} ${x//./-} ${y:-def}", "6 a a-b-c def\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			out, status := start(t, tc.script)
			g.Expect(status).To(Equal(tc.status), out)
			if tc.out != "" || tc.status == 0 {
				g.Expect(out).To(HaveSuffix(tc.out))
			}
		})
	}
}

// What a script can try on the host; each must see the machine, where none of it exists.
func TestJail(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	NewWithT(t).Expect(os.WriteFile(secret, []byte("#!/bin/sh\nleaked=1\necho leaked\n"), 0o755)).To(Succeed())
	for name, script := range map[string]string{
		"reading":                  "cat " + secret,
		"redirection":              "read -r x < " + secret + "; echo $x",
		"substitution shortcut":    "echo $(<" + secret + ")",
		"sourcing":                 ". " + secret,
		"sourcing through PATH":    "PATH=" + filepath.Dir(secret) + ":$PATH . secret",
		"running":                  secret,
		"running through PATH":     "PATH=" + filepath.Dir(secret) + ":$PATH secret",
		"exec":                     "exec " + secret,
		"command":                  "command " + secret,
		"env":                      "env " + secret,
		"through bash":             "bash " + secret,
		"through a link":           "ln -s " + secret + " /l; cat /l",
		"through /proc":            "cat /proc/self/root" + secret,
		"glob":                     "for f in " + filepath.Dir(secret) + "/*; do [ -e $f ] && echo leaked; done",
		"existence":                "[ -e " + secret + " ] && echo leaked",
		"command -v":               "command -v " + secret + " && echo leaked",
		"command -v through PATH":  "export PATH=" + filepath.Dir(secret) + "; command -v secret && echo leaked",
		"type":                     "type " + secret + " && echo leaked",
		"mapfile":                  "mapfile -t x < " + secret + "; echo ${x[0]}",
		"cd":                       "cd " + filepath.Dir(secret) + " && echo leaked",
		"pipe directory of others": "cat " + filepath.Dir(secret) + "/sh-interp-x",
		"sockets":                  "exec 3<>/dev/tcp/127.0.0.1/22 && echo leaked",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			out, _ := start(t, "#!/bin/bash\n"+script)
			g.Expect(out).NotTo(ContainSubstring("leaked"))
		})
	}
}

func TestHostIsNotWritten(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	_, _ = start(t, "#!/bin/bash\necho x > "+dir+"/a; mkdir -p "+dir+"; echo x > "+dir+"/b; touch "+dir+"/c; rm -rf "+dir)
	entries, err := os.ReadDir(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(entries).To(BeEmpty())
}

func TestScriptEndsWithItsMachine(t *testing.T) {
	g := NewWithT(t)
	disk := vfs.New()
	g.Expect(disk.Put("/usr/bin/bash", shell.Program("bash", ""), 0o755)).To(Succeed())
	s := &shell.Shell{FS: disk, Commands: coreutils.Commands(), Pipes: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		done <- s.Start(ctx, []string{"PATH=" + shell.DefaultPath}, []string{"bash", "-c", "while true; do :; done"}, &bytes.Buffer{})
	}()
	cancel()
	g.Eventually(done, time.Minute).Should(Receive(Not(BeZero())))
}
