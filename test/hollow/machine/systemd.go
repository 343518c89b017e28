package machine

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/coreutils"
)

// The states of a unit, as systemctl is-active says them.
const (
	stateInactive   = "inactive"
	stateActivating = "activating"
	stateActive     = "active"
	stateFailed     = "failed"
)

// startTime is how long a unit may take to say that it is ready, systemd's default.
const startTime = 90 * time.Second

// systemd starts services and keeps them running. What it starts ends with the boot.
type systemd struct {
	machine *Machine

	mu       sync.Mutex
	spawn    func(func(context.Context)) context.CancelFunc // runs until it is stopped or the boot ends; the next boot replaces it
	services map[string]*service
}

// service is one unit that was started since the boot.
type service struct {
	state  string
	result int
	stop   context.CancelFunc
	ready  chan struct{} // closed when the unit is active or has failed
	done   chan struct{} // closed when nothing of it runs any more
}

// boot forgets what ran before and starts the units that are enabled.
func (s *systemd) boot(ctx context.Context) {
	spawn := func(run func(context.Context)) context.CancelFunc {
		ctx, cancel := context.WithCancel(ctx)
		go run(ctx)
		return cancel
	}
	s.mu.Lock()
	s.spawn, s.services = spawn, map[string]*service{}
	s.mu.Unlock()
	for _, name := range s.wanted() {
		if err := s.start(name); err != nil {
			s.machine.Journalf("systemd: %s: %v", name, err)
		}
	}
}

// halt waits for everything that was started since the boot.
func (s *systemd) halt() {
	s.mu.Lock()
	waits := make([]chan struct{}, 0, len(s.services))
	for _, started := range s.services {
		waits = append(waits, started.done)
	}
	s.mu.Unlock()
	for _, done := range waits {
		<-done
	}
}

// wanted lists the enabled units by name, which happens to put the runtime before the kubelet.
func (s *systemd) wanted() []string {
	entries, err := s.machine.FS.ReadDir(wantsDir)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

const wantsDir = "/etc/systemd/system/multi-user.target.wants"

func full(name string) string {
	if !strings.Contains(name, ".") {
		return name + ".service"
	}
	return name
}

func (s *systemd) enable(name string) error {
	target := ""
	for _, dir := range unitDirs() {
		if s.machine.FS.Exists(dir + "/" + full(name)) {
			target = dir + "/" + full(name)
			break
		}
	}
	if target == "" {
		return errNoUnit
	}
	if err := s.machine.FS.MkdirAll(wantsDir, 0o755); err != nil {
		return err
	}
	if s.enabled(name) {
		return nil
	}
	return s.machine.FS.Symlink(target, wantsDir+"/"+full(name))
}

func (s *systemd) disable(name string) error {
	return s.machine.FS.RemoveAll(wantsDir + "/" + full(name))
}

func (s *systemd) enabled(name string) bool {
	_, err := s.machine.FS.Lstat(wantsDir + "/" + full(name))
	return err == nil
}

func (s *systemd) masked(name string) bool {
	target, err := s.machine.FS.Readlink("/etc/systemd/system/" + full(name))
	return err == nil && target == "/dev/null"
}

func (s *systemd) state(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if running := s.services[full(name)]; running != nil {
		return running.state
	}
	return stateInactive
}

// unitError says why a unit did not start, in systemctl's words.
type unitError string

func (e unitError) Error() string { return string(e) }

// start starts a unit unless it runs, and returns when it is active.
func (s *systemd) start(name string) error {
	name = full(name)
	if s.masked(name) {
		return unitError("Failed to start " + name + ": Unit " + name + " is masked.")
	}
	u, err := readUnit(s.machine.FS, name)
	if err != nil {
		return unitError("Failed to start " + name + ": Unit " + name + " not found.")
	}
	if s.skipped(u) {
		return nil
	}
	s.mu.Lock()
	if running := s.services[name]; running != nil && (running.state == stateActive || running.state == stateActivating) {
		s.mu.Unlock()
		return s.await(name, running)
	}
	started := &service{state: stateActivating, ready: make(chan struct{}), done: make(chan struct{})}
	started.stop = s.spawn(func(ctx context.Context) { s.supervise(ctx, u, started) })
	s.services[name] = started
	s.mu.Unlock()
	return s.await(name, started)
}

func (s *systemd) await(name string, started *service) error {
	select {
	case <-started.ready:
	case <-time.After(s.machine.scaled(startTime) + time.Second):
	}
	if s.state(name) == stateFailed {
		return unitError("Job for " + name + " failed because the control process exited with error code.\nSee \"systemctl status " + name + "\" and \"journalctl -xeu " + name + "\" for details.")
	}
	return nil
}

// stopUnit stops a unit and returns when nothing of it runs.
func (s *systemd) stopUnit(name string) {
	s.mu.Lock()
	running := s.services[full(name)]
	s.mu.Unlock()
	if running == nil {
		return
	}
	running.stop()
	<-running.done
}

// set moves a unit to a state; the first that is not activating makes it ready.
func (s *systemd) set(started *service, state string, result int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	started.state, started.result = state, result
	if state == stateActivating {
		return
	}
	select {
	case <-started.ready:
	default:
		close(started.ready)
	}
}

type readyKey struct{}

// ready is what a program of a unit of Type=notify calls when it serves.
func ready(ctx context.Context) {
	if tell, ok := ctx.Value(readyKey{}).(func()); ok {
		tell()
	}
}

// supervise runs a unit and runs it again as its Restart= says, until ctx ends.
func (s *systemd) supervise(ctx context.Context, u unit, started *service) {
	defer close(started.done)
	delay, err := coreutils.Duration(u.last("Service.RestartSec", "0.1"))
	if err != nil {
		delay = 100 * time.Millisecond
	}
	for {
		result := s.once(ctx, u, started)
		if ctx.Err() != nil || !s.again(ctx, u, started, result) {
			break
		}
		s.machine.Journalf("systemd: main process exited, code=exited, status=%d; restarting in %s", result, delay)
		if s.machine.Sleep(ctx, delay) != nil {
			break
		}
	}
	if ctx.Err() != nil {
		s.set(started, stateInactive, 0)
	}
}

// again puts a unit whose program ended into the state that follows, and reports whether it is to be started again.
func (s *systemd) again(ctx context.Context, u unit, started *service, result int) bool {
	restart := u.last("Service.Restart", "no")
	failed := result != 0
	switch {
	case restart == "always" || (restart == "on-failure" && failed):
		// Whoever waits for a unit that tells when it is ready learns of its first failure.
		if failed && u.last("Service.Type", "simple") == "notify" {
			s.set(started, stateFailed, result)
		} else {
			s.set(started, stateActivating, result)
		}
		return true
	case failed:
		s.set(started, stateFailed, result)
	case u.last("Service.RemainAfterExit", "no") == "yes":
		s.set(started, stateActive, 0)
		<-ctx.Done()
	default:
		s.set(started, stateInactive, 0)
	}
	return false
}

// once runs the programs of a unit and returns the status of the last.
func (s *systemd) once(ctx context.Context, u unit, started *service) int {
	env, err := u.environment(s.machine.FS)
	if err != nil {
		s.machine.Journalf("systemd: loading environment: %v", err)
		return 1
	}
	env = append(s.machine.environment(), env...)
	if status := s.around(ctx, env, u["Service.ExecStartPre"]); status != 0 {
		return status
	}
	kind := u.last("Service.Type", "simple")
	if kind != "notify" && kind != "oneshot" {
		s.set(started, stateActive, 0)
	}
	ctx = context.WithValue(ctx, readyKey{}, func() { s.set(started, stateActive, 0) })
	for _, line := range u["Service.ExecStart"] {
		args := commandLine(line, env)
		if len(args) == 0 {
			continue
		}
		if status := s.machine.shell.Start(ctx, env, args, s.machine.Journal); status != 0 {
			return status
		}
	}
	return s.around(ctx, env, u["Service.ExecStartPost"])
}

// around runs the programs before or after those of a unit and returns the first status that matters.
func (s *systemd) around(ctx context.Context, env, lines []string) int {
	for _, line := range lines {
		if status := s.machine.shell.Start(ctx, env, commandLine(line, env), s.machine.Journal); status != 0 && !strings.HasPrefix(line, "-") {
			return status
		}
	}
	return 0
}

// skipped reports whether a file that the unit asks for is not there.
func (s *systemd) skipped(u unit) bool {
	for _, file := range u["Unit.ConditionPathExists"] {
		file, not := strings.CutPrefix(file, "!")
		if s.machine.FS.Exists(file) == not {
			return true
		}
	}
	return false
}
