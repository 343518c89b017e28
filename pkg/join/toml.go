package join

import (
	"fmt"
	"maps"

	"github.com/pelletier/go-toml/v2"
)

// table is a TOML table: what stands under a header.
type table map[string]any

// parseTOML reads a document. Comments are not part of what it says, and are lost.
func parseTOML(document string) (table, error) {
	var root table
	if err := toml.Unmarshal([]byte(document), &root); err != nil {
		return nil, fmt.Errorf("is not TOML: %w", err)
	}
	if root == nil {
		root = table{}
	}
	return root, nil
}

// writeTOML is the document with keys in the order of their names: equal tables give equal bytes.
func writeTOML(root table) ([]byte, error) {
	out, err := toml.Marshal(map[string]any(root))
	if err != nil {
		return nil, fmt.Errorf("writing TOML: %w", err)
	}
	return out, nil
}

// child returns the table under name, which it makes when there is none. It fails when there
// is something else.
func (t table) child(name string) (table, error) {
	switch value := t[name].(type) {
	case nil:
		made := table{}
		t[name] = map[string]any(made)
		return made, nil
	case map[string]any:
		return value, nil
	default:
		return nil, fmt.Errorf("%s is not a table", name)
	}
}

// put sets all of values in t, over what is there.
func (t table) put(values table) { maps.Copy(t, values) }

// complete sets those of values in t that t does not have.
func (t table) complete(values table) {
	for name, value := range values {
		if _, set := t[name]; !set {
			t[name] = value
		}
	}
}
