package machine

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// kept is how much of a console is remembered; EC2 shows the last 64 KiB.
const kept = 1 << 20

// console is a machine's console: a pipe with a name, since a file would be truncated by
// every `>/dev/console`. This process holds both ends, so that no writer ever waits or fails.
type console struct {
	file *os.File
	done chan struct{}

	mu      sync.Mutex
	content []byte
}

func newConsole(path string) (*console, error) {
	if err := unix.Mkfifo(path, 0o666); err != nil {
		return nil, fmt.Errorf("making the console: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the console: %w", err)
	}
	c := &console{file: file, done: make(chan struct{})}
	go c.read()
	return c, nil
}

func (c *console) read() {
	defer close(c.done)
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.file.Read(buffer)
		c.mu.Lock()
		c.content = append(c.content, buffer[:n]...)
		c.content = c.content[max(0, len(c.content)-kept):]
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *console) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.content)
}

func (c *console) close() error {
	err := c.file.Close()
	<-c.done
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
