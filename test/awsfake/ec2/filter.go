package ec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// maxFilterValues is how many values EC2 takes in one filter.
const maxFilterValues = 200

// filter is one of a Describe call: values are alternatives, filters must all match.
type filter struct {
	Name  string `param:",required"`
	Value []string
}

// tagKey returns k of a filter tag:k.
func (f filter) tagKey() (string, bool) { return strings.CutPrefix(f.Name, "tag:") }

// fields are the filters that a call knows, and what they compare with.
type fields[T any] map[string]func(T) []string

// matcher is a call's filters, checked.
type matcher[T any] struct {
	parts []func(T) bool
}

func (m matcher[T]) match(item T) bool {
	for _, part := range m.parts {
		if !part(item) {
			return false
		}
	}
	return true
}

// compile checks filters against those known. tags, when given, adds tag-key and tag:<key>.
func compile[T any](filters []filter, known fields[T], tags func(T) map[string]string) (matcher[T], error) {
	var m matcher[T]
	for _, f := range filters {
		if len(f.Value) > maxFilterValues {
			return m, wire.Errorf("FilterLimitExceeded", "The maximum number of filter values specified on a single call is %d", maxFilterValues)
		}
		get, ok := known[f.Name]
		if !ok && tags != nil {
			get, ok = tagField(f, tags)
		}
		if !ok {
			return m, wire.Errorf("InvalidParameterValue", "The filter '%s' is invalid", f.Name)
		}
		if len(f.Value) == 0 {
			return m, wire.Errorf("InvalidParameterValue", "The filter '%s' has no value", f.Name)
		}
		m.parts = append(m.parts, func(item T) bool {
			return slices.ContainsFunc(get(item), func(have string) bool {
				return slices.ContainsFunc(f.Value, func(want string) bool { return like(want, have) })
			})
		})
	}
	return m, nil
}

func tagField[T any](f filter, tags func(T) map[string]string) (func(T) []string, bool) {
	if f.Name == "tag-key" {
		return func(item T) []string {
			return slices.Collect(maps.Keys(tags(item)))
		}, true
	}
	key, ok := f.tagKey()
	return func(item T) []string {
		if v, ok := tags(item)[key]; ok {
			return []string{v}
		}
		return nil
	}, ok
}

// tagsOf is the usual source of tags for compile.
func tagsOf[T resource](item T) map[string]string { return item.meta().Tags }

func hasWildcard(pattern string) bool { return strings.ContainsAny(pattern, `*?\`) }

// like compares as EC2's filters do: * is any text, ? one character, \ takes the next literally.
func like(pattern, text string) bool {
	if !hasWildcard(pattern) {
		return pattern == text
	}
	// at and resume remember the last star, to try again with one more character in it.
	p, t, at, resume := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			at, resume = p, t
			p++
		case p < len(pattern) && matchOne(pattern, p, text[t]):
			p += width(pattern, p)
			t++
		case at >= 0:
			resume++
			p, t = at+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func matchOne(pattern string, p int, c byte) bool {
	switch {
	case pattern[p] == '?':
		return true
	case width(pattern, p) == 2:
		return pattern[p+1] == c
	default:
		return pattern[p] == c
	}
}

// width is how much of pattern the element at p takes: an escaped character takes two.
func width(pattern string, p int) int {
	if pattern[p] == '\\' && p+1 < len(pattern) {
		return 2
	}
	return 1
}
