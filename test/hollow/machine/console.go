package machine

import (
	"bytes"
	"sync"
)

// consoleSize is how much EC2 keeps of an instance's console output.
const consoleSize = 64 << 10

// Console is the serial console of a machine: the last 64 KiB of what was written to it.
type Console struct {
	mu   sync.Mutex
	text []byte
}

// Write adds to the console. It never fails.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if extra := len(c.text) - consoleSize; extra > 0 {
		c.text = bytes.Clone(c.text[extra:])
	}
	return len(p), nil
}

// Text returns what the console shows.
func (c *Console) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}
