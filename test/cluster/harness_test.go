package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/folder"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/loopback"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/cluster/plane"
)

const (
	// asCommand in the environment makes the test program be the command.
	asCommand = "CLUSTER_TEST_AS_COMMAND"
	// nobody is an ordinary user's number. Root starts clusters as this user too.
	nobody = 65534
	// startPatience is for machines whose cores are shared; a start takes about six seconds.
	startPatience = 3 * time.Minute
	// patience is for controllers to act.
	patience = 30 * time.Second
)

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// running is one "cluster up".
type running struct {
	ready
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *transcript
	parent string
}

// transcript is what a process writes, readable while it does.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// command is this test program as the command.
func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=yes")
	return cmd
}

// programs returns the folder of the programs, which the first test of a machine builds.
func programs(t *testing.T) string {
	cmd := command(t.Context(), "build")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return strings.TrimSpace(string(out))
}

// openDir is a temporary folder that every user can write to, which t.TempDir is not.
func openDir(t *testing.T) string {
	g := NewWithT(t)
	dir, err := os.MkdirTemp("", "cluster-test-")
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(os.RemoveAll(dir)).To(Succeed()) })
	g.Expect(os.Chmod(dir, 0o777)).To(Succeed())
	return dir
}

// launch starts "cluster up" and does not wait for it.
func launch(t *testing.T, cmd *exec.Cmd) (*running, io.Reader) {
	g := NewWithT(t)
	r := &running{cmd: cmd, stderr: &transcript{}, parent: openDir(t)}
	cmd.Args = append(cmd.Args, "--dir", r.parent)
	cmd.Stderr = r.stderr
	stdin, err := cmd.StdinPipe()
	g.Expect(err).NotTo(HaveOccurred())
	r.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(cmd.Start()).To(Succeed())
	return r, stdout
}

// start returns when the cluster has said that it is ready.
func start(t *testing.T, cmd *exec.Cmd) *running {
	g := NewWithT(t)
	r, stdout := launch(t, cmd)
	timer := time.AfterFunc(startPatience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	g.Expect(json.NewDecoder(stdout).Decode(&r.ready)).To(Succeed(), r.stderr)
	t.Log(r.stderr)
	return r
}

// asNobody makes a command run as an ordinary user where this process may change users, with copies of the files
// that root's folders hide from others. Where it may not, it runs as an ordinary user already.
func asNobody(t *testing.T, bin string, args ...string) *exec.Cmd {
	if os.Geteuid() != 0 {
		return command(t.Context(), append(args, "--bin", bin)...)
	}
	g := NewWithT(t)
	dir := openDir(t)
	for _, file := range []string{os.Args[0], filepath.Join(bin, "kube")} {
		content, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o755)).To(Succeed())
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeadm"} {
		g.Expect(os.Symlink("kube", filepath.Join(dir, name))).To(Succeed())
	}
	cmd := command(t.Context(), append(args, "--bin", dir)...)
	cmd.Path = filepath.Join(dir, filepath.Base(os.Args[0]))
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

func (r *running) config(t *testing.T) *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", r.Kubeconfig)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	config.QPS = -1
	return config
}

func (r *running) admin(t *testing.T) kubernetes.Interface { return clientFor(t, r.config(t)) }

// bearer is a client that knows the CA and shows a token; with an empty one it is anonymous.
func (r *running) bearer(t *testing.T, token string) kubernetes.Interface {
	config := rest.AnonymousClientConfig(r.config(t))
	config.BearerToken = token
	return clientFor(t, config)
}

func clientFor(t *testing.T, config *rest.Config) kubernetes.Interface {
	client, err := kubernetes.NewForConfig(config)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return client
}

// pids are the cluster's processes by name.
func (r *running) pids(t *testing.T) map[string]int {
	g := NewWithT(t)
	list, err := folder.Occupants(r.Dir)
	g.Expect(err).NotTo(HaveOccurred())
	byName := map[string]int{}
	for _, pid := range list {
		line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		g.Expect(err).NotTo(HaveOccurred())
		name, _, _ := bytes.Cut(line, []byte{0})
		byName[filepath.Base(string(name))] = pid
	}
	return byName
}

// leavesNothing expects that nothing of the cluster is left, now or in a moment: janitor included, which is the only
// process that has the folder's path in its command line without working in it.
func (r *running) leavesNothing(t *testing.T) {
	g := NewWithT(t)
	g.Eventually(func(g Gomega) {
		g.Expect(filepath.Glob(filepath.Join(r.parent, "*"))).To(BeEmpty())
		lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
		g.Expect(err).NotTo(HaveOccurred())
		for _, path := range lines {
			if path == "/proc/"+strconv.Itoa(r.cmd.Process.Pid)+"/cmdline" || path == "/proc/self/cmdline" {
				continue
			}
			line, _ := os.ReadFile(path) // empty when the process has ended
			g.Expect(string(line)).NotTo(ContainSubstring(r.parent+"/"), path)
		}
	}).WithTimeout(patience).Should(Succeed())
	if r.Endpoint == "" {
		return
	}
	host, _, err := net.SplitHostPort(r.Endpoint)
	g.Expect(err).NotTo(HaveOccurred())
	for _, port := range append(plane.Ports(), loopback.Guard) {
		// A killed process is out of /proc a few milliseconds before the kernel has closed the last of its sockets.
		g.Eventually(func(g Gomega) {
			l, err := net.Listen("tcp4", net.JoinHostPort(host, strconv.Itoa(port)))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(l.Close()).To(Succeed())
		}).WithTimeout(patience).Should(Succeed())
	}
}
