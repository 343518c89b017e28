package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// condition is one operator on one key.
type condition struct {
	key      string
	values   []pattern
	operator operator
	set      setOperator
	ifExists bool
}

// operator compares a value of the request with one of the policy.
type operator struct {
	test    func(want pattern, have string, keys context) bool
	negated bool // holds when no value of the policy matches
	null    bool // asks whether the key is there
}

type setOperator int

const (
	single setOperator = iota
	forAllValues
	forAnyValue
)

// operatorOf returns the operator of a name without prefix and suffix.
func operatorOf(name string) (operator, bool) {
	op, ok := map[string]operator{
		"StringEquals":              {test: equal},
		"StringNotEquals":           {test: equal, negated: true},
		"StringEqualsIgnoreCase":    {test: equalFold},
		"StringNotEqualsIgnoreCase": {test: equalFold, negated: true},
		"StringLike":                {test: like},
		"StringNotLike":             {test: like, negated: true},
		"ArnEquals":                 {test: likeARN},
		"ArnNotEquals":              {test: likeARN, negated: true},
		"ArnLike":                   {test: likeARN},
		"ArnNotLike":                {test: likeARN, negated: true},
		"Bool":                      {test: equalFold},
		"Null":                      {null: true},
		"NumericEquals":             {test: numeric(func(have, want float64) bool { return have == want })},
		"NumericNotEquals":          {test: numeric(func(have, want float64) bool { return have == want }), negated: true},
		"NumericLessThan":           {test: numeric(func(have, want float64) bool { return have < want })},
		"NumericLessThanEquals":     {test: numeric(func(have, want float64) bool { return have <= want })},
		"NumericGreaterThan":        {test: numeric(func(have, want float64) bool { return have > want })},
		"NumericGreaterThanEquals":  {test: numeric(func(have, want float64) bool { return have >= want })},
	}[name]
	return op, ok
}

func equal(want pattern, have string, keys context) bool   { return want.equals(have, keys) }
func like(want pattern, have string, keys context) bool    { return want.matches(have, keys) }
func likeARN(want pattern, have string, keys context) bool { return want.matchesARN(have, keys) }

func equalFold(want pattern, have string, keys context) bool {
	text, ok := want.plain(keys)
	return ok && strings.EqualFold(text, have)
}

func numeric(compare func(have, want float64) bool) func(pattern, string, context) bool {
	return func(want pattern, have string, keys context) bool {
		text, ok := want.plain(keys)
		if !ok {
			return false
		}
		limit, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return false
		}
		value, err := strconv.ParseFloat(have, 64)
		return err == nil && compare(value, limit)
	}
}

// newCondition reads one entry of a statement's Condition.
func newCondition(name, key string, values []string, variables bool) (condition, error) {
	c := condition{key: key}
	base := name
	if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		base, c.set = rest, forAllValues
	}
	if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		base, c.set = rest, forAnyValue
	}
	base, c.ifExists = strings.CutSuffix(base, "IfExists")
	var known bool
	if c.operator, known = operatorOf(base); !known {
		return c, fmt.Errorf("condition operator %s is not modelled", name)
	}
	if c.operator.null && (c.ifExists || c.set != single) {
		return c, fmt.Errorf("condition operator %s does not exist", name)
	}
	if len(values) == 0 {
		return c, fmt.Errorf("condition %s of %s has no value", name, key)
	}
	for _, value := range values {
		p, err := newPattern(value, variables)
		if err != nil {
			return c, fmt.Errorf("condition %s of %s: %w", name, key, err)
		}
		c.values = append(c.values, p)
	}
	return c, nil
}

// holds tells whether the condition is met.
func (c condition) holds(keys context) bool {
	have := keys.get(c.key)
	if c.operator.null {
		return c.values[0].text == strconv.FormatBool(len(have) == 0)
	}
	if len(have) == 0 {
		// Without the key a test for equality fails and one for inequality passes;
		// all of no values do what is asked, and none of them does.
		return c.ifExists || c.set == forAllValues || c.set == single && c.operator.negated
	}
	one := func(value string) bool { return c.passes(value, keys) }
	switch {
	case c.set == forAnyValue, c.set == single && !c.operator.negated:
		return slices.ContainsFunc(have, one)
	default:
		return !slices.ContainsFunc(have, func(value string) bool { return !one(value) })
	}
}

// passes tells whether a value of the request does what the operator asks.
func (c condition) passes(have string, keys context) bool {
	matched := slices.ContainsFunc(c.values, func(want pattern) bool { return c.operator.test(want, have, keys) })
	return matched != c.operator.negated
}
