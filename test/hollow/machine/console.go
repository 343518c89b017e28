package machine

import (
	"bytes"
	"sync"
)

const (
	// consoleSize is how much EC2 keeps of an instance's console output.
	consoleSize = 64 << 10
	// journalSize is enough for the hours that a hollow machine lives, and little beside what thousands may take.
	journalSize = 256 << 10
)

// Console keeps the end of what was written to it.
type Console struct {
	size int // bytes

	mu   sync.Mutex
	text []byte
}

// Write adds to the console. It never fails.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if extra := len(c.text) - c.size; extra > 0 {
		c.text = bytes.Clone(c.text[extra:])
	}
	return len(p), nil
}

// Text returns what was kept.
func (c *Console) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}
