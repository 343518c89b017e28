package measure

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is how the kernel counts CPU time in /proc: a hundredth of a second on every Linux (USER_HZ).
const tick = 10 * time.Millisecond

// CPU is the time that a process has used so far, of user and system.
func CPU(pid int) (time.Duration, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading CPU time: %w", err)
	}
	return parseStat(content)
}

// parseStat reads fields 14 and 15 of proc(5)'s stat. The second is a name in parentheses that may hold anything.
func parseStat(content []byte) (time.Duration, error) {
	at := bytes.LastIndexByte(content, ')')
	fields := strings.Fields(string(content[at+1:]))
	if at < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("reading CPU time: %q is not what proc(5) says", content)
	}
	var total time.Duration
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading CPU time: %w", err)
		}
		total += time.Duration(ticks) * tick
	}
	return total, nil
}

// Memory is a process's resident set now and at its highest since ResetPeak, in bytes.
func Memory(pid int) (now, peak int64, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("reading memory: %w", err)
	}
	return parseStatus(content)
}

func parseStatus(content []byte) (now, peak int64, err error) {
	found := map[string]int64{}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "VmRSS" && name != "VmHWM" {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("reading memory: %w", err)
		}
		found[name] = kib << 10
	}
	if len(found) != 2 {
		return 0, 0, fmt.Errorf("reading memory: VmRSS and VmHWM are not both there")
	}
	return found["VmRSS"], found["VmHWM"], nil
}

// ResetPeak lets the peak of Memory begin anew. See clear_refs in proc(5).
func ResetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o600); err != nil {
		return fmt.Errorf("resetting the peak of memory: %w", err)
	}
	return nil
}

// heapMetric is what Go's runtime says of its heap: spans in use, with garbage in them.
const heapMetric = "go_memstats_heap_inuse_bytes"

// Heap asks a controller's metrics for the bytes of its heap.
func Heap(ctx context.Context, url string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("reading metrics: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		value, ok := strings.CutPrefix(lines.Text(), heapMetric+" ")
		if !ok {
			continue
		}
		bytes, err := strconv.ParseFloat(value, 64)
		return int64(bytes), err
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("reading metrics: %w", err)
	}
	return 0, fmt.Errorf("reading metrics: there is no %s at %s", heapMetric, url)
}
