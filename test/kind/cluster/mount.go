package cluster

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mountOver shows file in the place of another, in this process's mount namespace.
func mountOver(file, at string) error {
	if err := unix.Mount(file, at, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting over %s: %w", at, err)
	}
	return nil
}
