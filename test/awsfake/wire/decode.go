package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decode fills in, a pointer to a struct, from the call. Whatever of the request has no
// field is an error.
func (c *Call) decode(in any) error {
	if c.json() {
		return c.decodeJSON(in)
	}
	d := decoder{code: "UnknownParameter", members: c.protocol == Query}
	root, err := d.tree(c.Form)
	if err != nil {
		return err
	}
	return d.into(reflect.ValueOf(in).Elem(), root, "")
}

func (c *Call) decodeJSON(in any) error {
	dec := json.NewDecoder(bytes.NewReader(c.Body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(in); err != nil {
		return Errorf("SerializationException", "%v", err)
	}
	v := reflect.ValueOf(in).Elem()
	for _, f := range modelled(v.Type()) {
		name, required := param(f)
		if required && v.FieldByIndex(f.Index).IsZero() {
			return Errorf("ValidationException", "Value at '%s' failed to satisfy constraint: Member must not be null", name)
		}
	}
	return nil
}

// node is a parameter: a value, or parts below it. In "Filter.1.Name=vpc-id" the value
// is in the node at Filter, 1, Name.
type node struct {
	value string
	set   bool
	parts map[string]*node
}

type decoder struct {
	code    string
	members bool // lists have a level named "member"
}

func (d decoder) tree(form url.Values) (*node, error) {
	root := &node{}
	for key, values := range form {
		at := root
		for name := range strings.SplitSeq(key, ".") {
			if at.parts == nil {
				at.parts = map[string]*node{}
			}
			next, ok := at.parts[name]
			if !ok {
				next = &node{}
				at.parts[name] = next
			}
			at = next
		}
		if len(values) != 1 {
			return nil, Errorf("InvalidParameterValue", "The parameter %s is given %d times", key, len(values))
		}
		at.value, at.set = values[0], true
	}
	return root, nil
}

// into sets v from n; path is how the request calls it.
func (d decoder) into(v reflect.Value, n *node, path string) error {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.into(v.Elem(), n, path)
	case reflect.Struct:
		return d.fields(v, n, path)
	case reflect.Slice:
		return d.list(v, n, path)
	default:
		if len(n.parts) > 0 {
			return d.unknown(join(path, firstPart(n)))
		}
		return scalar(v, n.value, path)
	}
}

func (d decoder) fields(v reflect.Value, n *node, path string) error {
	if n.set && path != "" && n.value != "" {
		return d.unknown(path)
	}
	known := map[string]bool{}
	for _, f := range modelled(v.Type()) {
		name, required := param(f)
		known[name] = true
		part, ok := n.parts[name]
		switch {
		case ok:
			if err := d.into(v.FieldByIndex(f.Index), part, join(path, name)); err != nil {
				return err
			}
		case required:
			return Errorf("MissingParameter", "The request must contain the parameter %s", join(path, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.parts)) {
		if !known[name] {
			return d.unknown(join(path, name))
		}
	}
	return nil
}

// modelled returns the fields of a request struct; those of embedded structs are its own.
func modelled(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous })
}

func (d decoder) list(v reflect.Value, n *node, path string) error {
	if member, ok := n.parts["member"]; ok && d.members && len(n.parts) == 1 {
		n = member
	}
	indexes, err := d.indexes(n, path)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(indexes), len(indexes)))
	for at, i := range indexes {
		name := strconv.Itoa(i)
		if err := d.into(v.Index(at), n.parts[name], join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// indexes are the numbers of a list's parts, in order.
func (d decoder) indexes(n *node, path string) ([]int, error) {
	out := make([]int, 0, len(n.parts))
	for name := range n.parts {
		i, err := strconv.Atoi(name)
		if err != nil || i < 1 {
			return nil, d.unknown(join(path, name))
		}
		out = append(out, i)
	}
	if len(out) == 0 && n.value != "" {
		return nil, d.unknown(path)
	}
	slices.Sort(out)
	return out, nil
}

func (d decoder) unknown(path string) error {
	return Errorf(d.code, "The parameter %s is not recognized", path)
}

func scalar(v reflect.Value, text, path string) error {
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		var b bool
		b, err = parseBool(text)
		v.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		var i int64
		i, err = strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(i)
	case reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v.SetFloat(f)
	default:
		return internal(errors.New("parameter " + path + " has a field of kind " + v.Kind().String()))
	}
	if err != nil {
		return Errorf("InvalidParameterValue", "Value (%s) for parameter %s is invalid", text, path)
	}
	return nil
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, strconv.ErrSyntax
}

// param returns the parameter's name of a field, and whether it must be there.
func param(f reflect.StructField) (name string, required bool) {
	name, rest, _ := strings.Cut(f.Tag.Get("param"), ",")
	if name == "" {
		name = f.Name
	}
	return name, rest == "required"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func firstPart(n *node) string { return slices.Sorted(maps.Keys(n.parts))[0] }
