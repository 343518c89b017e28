package cache

// Waiting reports how many callers wait for the load of key, so that tests need not sleep.
func (c *Cache[V]) Waiting(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.flights[key]; ok {
		return f.waiting
	}
	return 0
}
