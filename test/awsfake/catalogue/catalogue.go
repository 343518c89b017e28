package catalogue

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed types.tsv
var typesTSV string

// table is the decoded file.
type table struct {
	date    string
	types   []Type
	index   map[string]int
	regions map[string][]Zone
	zones   map[string]map[string]bool // zone ids that offer a type, by type
}

// decoded is the file's content, decoded by whoever asks first.
var decoded = sync.OnceValue(func() table {
	out, err := parse(typesTSV)
	if err != nil {
		panic("test/awsfake/catalogue: " + err.Error())
	}
	return out
})

// Date is the day of the facts, as year-month-day.
func Date() string {
	return decoded().date
}

// Types returns all types, ordered by name.
func Types() []Type {
	return slices.Clone(decoded().types)
}

// Lookup returns the type of that name, and whether there is one.
func Lookup(name string) (Type, bool) {
	t := decoded()
	i, ok := t.index[name]
	if !ok {
		return Type{}, false
	}
	return t.types[i], true
}

func containsWord(s, word string) bool {
	return slices.Contains(strings.Fields(s), word)
}
