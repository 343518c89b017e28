package ec2

import (
	"cmp"
	"maps"
	"slices"
)

// base is what all resources have.
type base struct {
	ID   string
	Tags map[string]string

	seq int // order of creation, from 1
}

func (b *base) meta() *base { return b }

type resource interface{ meta() *base }

type tagPair struct{ key, value string }

// table holds the resources of one kind: by id, by tag, and in the order of their creation.
type table[T resource] struct {
	byID  map[string]T
	byTag map[tagPair]map[string]T
	order []T
	last  int
}

func newTable[T resource]() *table[T] {
	return &table[T]{byID: map[string]T{}, byTag: map[tagPair]map[string]T{}}
}

func (t *table[T]) add(item T) T {
	m := item.meta()
	t.last++
	m.seq = t.last
	t.byID[m.ID] = item
	t.order = append(t.order, item)
	t.index(item)
	return item
}

func (t *table[T]) remove(id string) {
	item, ok := t.byID[id]
	if !ok {
		return
	}
	delete(t.byID, id)
	t.unindex(item)
	at, found := slices.BinarySearchFunc(t.order, item.meta().seq, func(other T, seq int) int {
		return cmp.Compare(other.meta().seq, seq)
	})
	if found {
		t.order = slices.Delete(t.order, at, at+1)
	}
}

func (t *table[T]) get(id string) (T, bool) {
	item, ok := t.byID[id]
	return item, ok
}

// retag lets change edit the tags of item.
func (t *table[T]) retag(item T, change func(tags map[string]string)) {
	t.unindex(item)
	m := item.meta()
	tags := maps.Clone(m.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	change(tags)
	m.Tags = tags
	t.index(item)
}

func (t *table[T]) index(item T) {
	m := item.meta()
	for k, v := range m.Tags {
		pair := tagPair{k, v}
		if t.byTag[pair] == nil {
			t.byTag[pair] = map[string]T{}
		}
		t.byTag[pair][m.ID] = item
	}
}

func (t *table[T]) unindex(item T) {
	m := item.meta()
	for k, v := range m.Tags {
		pair := tagPair{k, v}
		delete(t.byTag[pair], m.ID)
		if len(t.byTag[pair]) == 0 {
			delete(t.byTag, pair)
		}
	}
}

// candidates returns the resources that filters can match at all, in order of creation. It
// narrows by the tag filter that fewest have, so that asking for one of many is cheap.
func (t *table[T]) candidates(filters []filter) []T {
	best := -1
	var found []T
	for _, f := range filters {
		key, ok := f.tagKey()
		if !ok || slices.ContainsFunc(f.Value, hasWildcard) {
			continue
		}
		n := 0
		for _, v := range f.Value {
			n += len(t.byTag[tagPair{key, v}])
		}
		if best >= 0 && n >= best {
			continue
		}
		best, found = n, nil
		for _, v := range slices.Compact(slices.Sorted(slices.Values(f.Value))) {
			found = slices.AppendSeq(found, maps.Values(t.byTag[tagPair{key, v}]))
		}
	}
	if best < 0 {
		return t.order
	}
	slices.SortFunc(found, func(a, b T) int { return cmp.Compare(a.meta().seq, b.meta().seq) })
	return found
}
