package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/binary"
)

func TestClustersSideBySide(t *testing.T) {
	g := NewWithT(t)
	bin := programs(t)
	one := start(t, command(t.Context(), "up", "--until-stdin-closed"))
	two := start(t, asNobody(t, bin, "up", "--anonymous-auth=false", "--node-monitor-grace-period=9s",
		"--service-cidr=10.97.0.0/16", "--pod-cidr=10.32.0.0/16", "--scheduler-arg=v=3"))
	g.Expect(one.Endpoint).NotTo(Equal(two.Endpoint))
	g.Expect(one.Bin).To(Equal(bin), "up finds what build built")
	for _, r := range []*running{one, two} {
		g.Expect(r.pids(t)).To(And(HaveLen(4), HaveKey("etcd"), HaveKey("kube-apiserver"), HaveKey("kube-controller-manager"), HaveKey("kube-scheduler")))
		version, err := r.admin(t).Discovery().ServerVersion()
		g.Expect(err).NotTo(HaveOccurred())
		sources, err := source("")
		g.Expect(err).NotTo(HaveOccurred())
		want, err := sources.Version(binary.Platform)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(version.GitVersion).To(Equal(want))
	}
	t.Run("an ordinary user's cluster belongs to the user", func(t *testing.T) {
		g := NewWithT(t)
		var stat syscall.Stat_t
		g.Expect(syscall.Stat(two.Kubeconfig, &stat)).To(Succeed())
		g.Expect(stat.Uid).NotTo(BeZero())
		g.Expect(stat.Mode & 0o077).To(BeZero())
	})
	t.Run("what kubeadm publishes", func(t *testing.T) { published(t, one, two) })
	t.Run("a node joins", func(t *testing.T) { joins(t, one, two) })
	t.Run("an expired token is removed", func(t *testing.T) { expires(t, two) })
	t.Run("kubectl is among the programs", func(t *testing.T) {
		g := NewWithT(t)
		out, err := kubectl(t, one, "get", "namespaces", "-o", "name")
		g.Expect(err).NotTo(HaveOccurred(), out)
		g.Expect(out).To(ContainSubstring("namespace/kube-system\n"))
	})

	g.Expect(one.stdin.Close()).To(Succeed())
	g.Expect(one.cmd.Wait()).To(Succeed(), one.stderr)
	one.leavesNothing(t)
	g.Expect(two.admin(t).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})).NotTo(BeNil(), "the other one goes on")
	g.Expect(command(t.Context(), "down", two.Dir).Run()).To(Succeed())
	g.Expect(two.cmd.Wait()).To(Succeed(), two.stderr)
	two.leavesNothing(t)
	g.Expect(command(t.Context(), "down", two.Dir).Run()).To(Succeed(), "what is down may be told again")
}

func TestKilledClusterLeavesNothing(t *testing.T) {
	programs(t)
	t.Run("while it runs", func(t *testing.T) {
		g := NewWithT(t)
		r := start(t, command(t.Context(), "up"))
		g.Expect(r.pids(t)).To(HaveLen(4))
		g.Expect(r.cmd.Process.Signal(syscall.SIGKILL)).To(Succeed())
		g.Expect(r.cmd.Wait()).To(MatchError("signal: killed"))
		r.leavesNothing(t)
	})
	t.Run("while it starts", func(t *testing.T) {
		g := NewWithT(t)
		r, _ := launch(t, command(t.Context(), "up"))
		g.Eventually(r.stderr.String).WithTimeout(startPatience).Should(ContainSubstring("manifests made"))
		g.Expect(r.cmd.Process.Signal(syscall.SIGKILL)).To(Succeed())
		g.Expect(r.cmd.Wait()).To(MatchError("signal: killed"))
		r.leavesNothing(t)
	})
}

// A harness that is killed closes all its pipes at once: the signal to stop comes with no one left to read about it.
func TestKilledHarness(t *testing.T) {
	g := NewWithT(t)
	programs(t)
	r := &running{parent: openDir(t)}
	r.cmd = command(t.Context(), "up", "--until-stdin-closed", "--dir", r.parent)
	stdin, err := r.cmd.StdinPipe()
	g.Expect(err).NotTo(HaveOccurred())
	stdout, err := r.cmd.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	stderr, stderrWrite, err := os.Pipe()
	g.Expect(err).NotTo(HaveOccurred())
	r.cmd.Stderr = stderrWrite
	g.Expect(r.cmd.Start()).To(Succeed())
	g.Expect(stderrWrite.Close()).To(Succeed())
	g.Expect(json.NewDecoder(stdout).Decode(&r.ready)).To(Succeed())
	for _, end := range []io.Closer{stdout, stderr, stdin} {
		g.Expect(end.Close()).To(Succeed())
	}
	g.Expect(r.cmd.Wait()).To(Succeed(), "it ends in order, not by SIGPIPE")
	r.leavesNothing(t)
}

func TestInterruptedStartLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	programs(t)
	r, _ := launch(t, command(t.Context(), "up"))
	g.Eventually(r.stderr.String).WithTimeout(startPatience).Should(ContainSubstring("manifests made"))
	g.Expect(r.cmd.Process.Signal(os.Interrupt)).To(Succeed())
	g.Expect(r.cmd.Wait()).To(Succeed(), r.stderr)
	r.leavesNothing(t)
}

func TestAProgramThatEndsEndsTheCluster(t *testing.T) {
	programs(t)
	t.Run("while it runs", func(t *testing.T) {
		g := NewWithT(t)
		r := start(t, command(t.Context(), "up"))
		g.Expect(syscall.Kill(r.pids(t)["kube-scheduler"], syscall.SIGKILL)).To(Succeed())
		failsWith(t, r.cmd.Wait(), 1)
		g.Expect(r.stderr.String()).To(ContainSubstring("kube-scheduler ended: signal: killed"))
		r.leavesNothing(t)
	})
	t.Run("while it starts", func(t *testing.T) {
		g := NewWithT(t)
		r, _ := launch(t, command(t.Context(), "up", "--apiserver-arg=no-such-flag=1"))
		failsWith(t, r.cmd.Wait(), 1)
		g.Expect(r.stderr.String()).To(And(ContainSubstring("kube-apiserver ended: exit status 1"), ContainSubstring("unknown flag: --no-such-flag")))
		r.leavesNothing(t)
	})
}

func TestWrongUsage(t *testing.T) {
	cases := map[string]struct {
		args []string
		code int
		says string
	}{
		"no command":               {code: 2, says: "name a command"},
		"an unknown one":           {args: []string{"start"}, code: 2, says: `there is no command "start"`},
		"an unknown flag":          {args: []string{"up", "--nope"}, code: 2, says: "flag provided but not defined: -nope"},
		"an argument to up":        {args: []string{"up", "now"}, code: 2, says: `up takes no argument "now"`},
		"down without a folder":    {args: []string{"down"}, code: 2, says: "down takes one folder"},
		"an argument without name": {args: []string{"up", "--apiserver-arg", "v"}, code: 2, says: `"v" is not of the form NAME=VALUE`},
		"an address elsewhere":     {args: []string{"up", "--address", "192.0.2.1"}, code: 1, says: `--address: "192.0.2.1" is not an address of 127.0.0.0/8, nor a private one`},
		"every address":            {args: []string{"up", "--address", "0.0.0.0"}, code: 1, says: `--address: "0.0.0.0" is not`},
		"a folder without them":    {args: []string{"up", "--bin", "/"}, code: 1, says: `name the folder that "cluster build" prints`},
		"down of a foreign folder": {args: []string{"down", "/"}, code: 1, says: "not a cluster's folder"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			cmd := command(t.Context(), c.args...)
			cmd.Env = append(cmd.Env, "KARPENTER_CACHE="+t.TempDir())
			out, err := cmd.CombinedOutput()
			failsWith(t, err, c.code)
			g.Expect(string(out)).To(ContainSubstring(c.says))
		})
	}
}

func TestAddressIsClaimed(t *testing.T) {
	g := NewWithT(t)
	bin := filepath.Join(t.TempDir(), "bin")
	g.Expect(os.Mkdir(bin, 0o700)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(bin, "kubeadm"), []byte("#!/bin/sh\nexec sleep 600\n"), 0o700)).To(Succeed())
	const addr = "127.63.1.2" // outside of the range clusters choose from
	r, _ := launch(t, command(t.Context(), "up", "--bin", bin, "--address", addr, "--until-stdin-closed"))
	g.Eventually(filepath.Glob).WithArguments(filepath.Join(r.parent, "*", "kubernetes")).WithTimeout(patience).Should(HaveLen(1))
	out, err := command(t.Context(), "up", "--bin", bin, "--address", addr).CombinedOutput()
	failsWith(t, err, 1)
	g.Expect(string(out)).To(ContainSubstring("address already in use"))
	g.Expect(r.stdin.Close()).To(Succeed())
	g.Expect(r.cmd.Wait()).To(Succeed(), r.stderr)
	r.leavesNothing(t)
}

// failsWith expects an exit code.
func failsWith(t *testing.T, err error, code int) {
	g := NewWithT(t)
	exit, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err)
	g.Expect(ok).To(BeTrue(), "%v", err)
	g.Expect(exit.ExitCode()).To(Equal(code))
}
