package cache

// Linked says whether memory is trusted.
func (t *Tiered) Linked() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.linked
}

// Waiting is how many keys wait to be dropped in Redis.
func (t *Tiered) Waiting() int {
	t.drops.mu.Lock()
	defer t.drops.mu.Unlock()
	return t.drops.count
}

// Clear empties a memory.
func (m *Memory) Clear() { m.clear("") }

// Prefix is what the keys of entries begin with.
func (r *Redis) Prefix() string { return r.prefix }

// MaxRefreshes is how many refreshes of an account are under way at once.
const MaxRefreshes = maxRefreshes
