package world

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// neededWatches is what a control plane and three nodes have at once: systemd, dbus, containerd and the kubelet of a node
// make 15 inotify instances together. containerd serves no CRI, and joins fail oddly, when it gets none.
const neededWatches = 64

// checkWatches fails where others leave too few of root's inotify instances, which all namespaces share.
func checkWatches(proc string) error {
	text, err := os.ReadFile(filepath.Join(proc, "sys/fs/inotify/max_user_instances"))
	if err != nil {
		return fmt.Errorf("reading the limit of inotify instances: %w", err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("reading the limit of inotify instances: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*/fd/*"))
	if err != nil {
		return err
	}
	used := 0
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && target == "anon_inode:inotify" { // else it is closed meanwhile
			used++
		}
	}
	if limit-used < neededWatches {
		return fmt.Errorf("real nodes need %d inotify instances, and %d of fs.inotify.max_user_instances=%d are taken: end what runs here, or raise the limit",
			neededWatches, used, limit)
	}
	return nil
}
