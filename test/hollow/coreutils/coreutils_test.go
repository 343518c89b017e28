package coreutils_test

import (
	"bytes"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/coreutils"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

// run runs text with bash on a machine that has the coreutils and a few files.
func run(t *testing.T, text string) (string, int) {
	t.Helper()
	g := NewWithT(t)
	disk := vfs.New()
	commands := coreutils.Commands()
	for name := range commands {
		g.Expect(disk.Put("/usr/bin/"+name, shell.Program(name, ""), 0o755)).To(Succeed())
	}
	g.Expect(disk.MkdirAll("/tmp", 0o777)).To(Succeed())
	g.Expect(disk.Put("/data/fruit", []byte("apple 3\nbanana 1\ncherry 2\n"), 0o644)).To(Succeed())
	g.Expect(disk.Put("/data/config.toml", []byte("[runc.options]\n  SystemdCgroup = false\n  Root = \"\"\n"), 0o644)).To(Succeed())
	var out bytes.Buffer
	s := &shell.Shell{FS: disk, Commands: commands, Pipes: t.TempDir()}
	status := s.Start(t.Context(), []string{"PATH=" + shell.DefaultPath}, []string{"bash", "-c", text}, &out)
	return out.String(), status
}

func TestPrograms(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		out    string
		status int
	}{
		"cat of a missing file":           {"cat /nope", "cat: /nope: No such file or directory\n", 1},
		"unknown flag is refused":         {"mkdir --wat x", "mkdir: unrecognized option '--wat'\n", 1},
		"mkdir -p and nested write":       {"mkdir -p /a/b && echo x > /a/b/c && cat /a/b/c", "x\n", 0},
		"mkdir without -p":                {"mkdir /q/r", "mkdir: cannot create directory '/q/r': No such file or directory\n", 1},
		"rm -f of nothing":                {"rm -f /nope", "", 0},
		"rm of a directory":               {"rm /data", "rm: cannot remove '/data': Is a directory\n", 1},
		"cp into a directory":             {"mkdir /d; cp /data/fruit /d; ls /d", "fruit\n", 0},
		"cp -r":                           {"cp -r /data /copy && ls /copy", "config.toml\nfruit\n", 0},
		"mv":                              {"mv /data/fruit /data/veg && ls /data", "config.toml\nveg\n", 0},
		"ln -sf replaces":                 {"ln -s /x /l; ln -sf /data/fruit /l; head -n1 /l", "apple 3\n", 0},
		"chmod makes a script run":        {"printf '#!/bin/bash\\necho ran $1\\n' > /s; ln -s /usr/bin /bin; chmod u+x /s; /s now", "ran now\n", 0},
		"not executable":                  {"printf 'x' > /s; /s", "bash: /s: Permission denied\n", 126},
		"install -D -m":                   {"install -D -m 0644 /data/fruit /n/e/w && head -n 1 /n/e/w", "apple 3\n", 0},
		"install -d":                      {"install -m 0755 -d /etc/apt/keyrings && test -d /etc/apt/keyrings", "", 0},
		"install from standard input":     {"echo hi | install -m 600 /dev/stdin /f; cat /f", "hi\n", 0},
		"mktemp -d":                       {"d=$(mktemp -d); test -d \"$d\" && echo yes", "yes\n", 0},
		"mktemp with template":            {"f=$(mktemp /tmp/join.XXXXXX); case $f in /tmp/join.??????????) echo yes;; esac", "yes\n", 0},
		"sed -i as everybody writes it":   {"sed -i 's/SystemdCgroup = false/SystemdCgroup = true/' /data/config.toml; grep Systemd /data/config.toml", "  SystemdCgroup = true\n", 0},
		"sed with other delimiter, group": {`echo /a/b | sed -E 's|/([a-z])/|<\1>|'`, "<a>b\n", 0},
		"sed basic groups":                {`echo k=v | sed 's/\(.*\)=\(.*\)/\2=\1/'`, "v=k\n", 0},
		"sed comments swap out":           {`printf '/swap none swap sw 0 0\n' | sed '/ swap / s/^\(.*\)$/#\1/g'`, "#/swap none swap sw 0 0\n", 0},
		"sed -n with range":               {"sed -n '1,2p' /data/fruit", "apple 3\nbanana 1\n", 0},
		"sed pattern range":               {"sed '/apple/,/banana/d' /data/fruit", "cherry 2\n", 0},
		"sed $ append":                    {"sed '$a done' /data/fruit | tail -n 1", "done\n", 0},
		"sed & and nth":                   {"echo aaa | sed 's/a/[&]/2'", "a[a]a\n", 0},
		"sed unknown command":             {"echo x | sed 'y/a/b/'", "sed: -e expression #1: unknown command: `y'\n", 1},
		"grep -q hit":                     {"grep -q banana /data/fruit", "", 0},
		"grep -q miss":                    {"grep -q kiwi /data/fruit", "", 1},
		"grep of a missing file":          {"grep x /nope", "grep: /nope: No such file or directory\n", 2},
		"grep basic treats + as plain":    {"echo 'a+' | grep -c 'a+'", "1\n", 0},
		"grep -E -o":                      {"echo id=i-0abc; echo id=i-0abc | grep -oE 'i-[0-9a-f]+'", "id=i-0abc\ni-0abc\n", 0},
		"grep -v -i":                      {"grep -vi APPLE /data/fruit | wc -l", "2\n", 0},
		"awk field":                       {"awk '{print $2}' /data/fruit", "3\n1\n2\n", 0},
		"awk pattern and separator":       {"echo a:b:c | awk -F: '/a/ {print $1 \"-\" $NF}'", "a-c\n", 0},
		"awk NR":                          {"awk 'NR==2 {print $1, $2}' /data/fruit", "banana 1\n", 0},
		"awk beyond what is known":        {"awk '{s+=$2} END {print s}' /data/fruit", "awk: hollow machines know `condition {print ...}` only, not: {s+=$2} END {print s}\n", 2},
		"cut":                             {"echo a:b:c | cut -d: -f2-", "b:c\n", 0},
		"tr":                              {"echo Ab | tr '[:upper:]' '[:lower:]' | tr -d '\\n'", "ab", 0},
		"sort -u":                         {"printf 'b\\na\\nb\\n' | sort -u", "a\nb\n", 0},
		"head and tail":                   {"head -n 2 /data/fruit | tail -n 1; head -c 3 /data/fruit", "banana 1\napp", 0},
		"base64 round trip":               {"echo secret | base64 -w0 | base64 -d", "secret\n", 0},
		"base64 refuses":                  {"echo '%%%' | base64 -d", "base64: invalid input\n", 1},
		"sha256sum":                       {"printf abc | sha256sum | cut -d' ' -f1", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n", 0},
		"sha256sum -c":                    {"sha256sum /data/fruit > /s; echo >> /data/fruit; sha256sum -c /s", "sha256sum: WARNING: a computed checksum did NOT match\n", 1},
		"gzip round trip":                 {"echo x | gzip -c | gunzip -c", "x\n", 0},
		"xargs -n1":                       {"echo a b | xargs -n1 echo", "a\nb\n", 0},
		"xargs -I":                        {"printf 'a\\nb\\n' | xargs -I{} echo '<{}>'", "<a>\n<b>\n", 0},
		"env sets for the child only":     {"env X=1 bash -c 'echo $X'; echo \"[$X]\"", "1\n[]\n", 0},
		"sudo keeps going":                {"sudo -E tee /t < /data/fruit >/dev/null; head -n1 /t", "apple 3\n", 0},
		"timeout passes the status":       {"timeout 5 false", "", 1},
		"find":                            {"find /data -name '*.toml' -type f", "/data/config.toml\n", 0},
		"seq":                             {"for i in $(seq 1 3); do echo -n $i; done", "123", 0},
		"date in a format":                {"date +%Y | grep -cE '^20[0-9]{2}$'", "1\n", 0},
		"readlink -f":                     {"ln -s /data /d; readlink -f /d/fruit", "/data/fruit\n", 0},
		"basename and dirname":            {"basename /a/b.sh .sh; dirname /a/b", "b\n/a\n", 0},
		"tee -a to several":               {"echo x | tee /p /q >/dev/null; echo y | tee -a /p >/dev/null; cat /p /q", "x\ny\nx\n", 0},
		"which of what is not there":      {"which kubeadm", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			out, status := run(t, tc.script)
			g.Expect(out).To(Equal(tc.out))
			g.Expect(status).To(Equal(tc.status))
		})
	}
}
