package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// limits is what AWS states of a type's network interfaces.
type limits struct {
	interfaces int // of all network cards
	ipv4       int // addresses of each interface, the primary included
	cards      []int
	hypervisor string
	bareMetal  bool
}

// readLimits reads the table Limits of a Go file, by its syntax: the module is not
// linked, because all of Karpenter would come with it.
func readLimits(path string) (map[string]limits, error) {
	table, err := mapLiteral(path, "Limits")
	if err != nil {
		return nil, err
	}
	out := make(map[string]limits, len(table))
	for name, value := range table {
		entry, ok := value.(*ast.CompositeLit)
		if !ok {
			return nil, fmt.Errorf("limits of %s are not a literal", name)
		}
		if out[name], err = toLimits(fieldsOf(entry)); err != nil {
			return nil, fmt.Errorf("limits of %s: %w", name, err)
		}
	}
	return out, nil
}

func toLimits(fields map[string]ast.Expr) (out limits, err error) {
	if out.interfaces, err = integer(fields["Interface"]); err != nil {
		return out, err
	}
	if out.ipv4, err = integer(fields["IPv4PerInterface"]); err != nil {
		return out, err
	}
	if out.hypervisor, err = text(fields["Hypervisor"]); err != nil {
		return out, err
	}
	metal, ok := fields["IsBareMetal"].(*ast.Ident)
	if !ok {
		return out, fmt.Errorf("IsBareMetal is not there")
	}
	out.bareMetal = metal.Name == "true"
	cards, ok := fields["NetworkCards"].(*ast.CompositeLit)
	if !ok {
		return out, fmt.Errorf("NetworkCards are not there")
	}
	for _, element := range cards.Elts {
		card, ok := element.(*ast.CompositeLit)
		if !ok {
			return out, fmt.Errorf("a network card is not a literal")
		}
		n, err := integer(fieldsOf(card)["MaximumNetworkInterfaces"])
		if err != nil {
			return out, err
		}
		out.cards = append(out.cards, n)
	}
	return out, nil
}

// readBandwidth reads the baseline bandwidths in Mbps of a Go file.
func readBandwidth(path string) (map[string]float64, error) {
	table, err := mapLiteral(path, "InstanceTypeBandwidthMegabits")
	if err != nil {
		return nil, err
	}
	out := make(map[string]float64, len(table))
	for name, value := range table {
		n, err := integer(value)
		if err != nil {
			return nil, fmt.Errorf("bandwidth of %s: %w", name, err)
		}
		out[name] = float64(n)
	}
	return out, nil
}

// mapLiteral returns the entries of the map that the package variable name of a
// Go file is initialised with.
func mapLiteral(path, name string) (map[string]ast.Expr, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var table *ast.CompositeLit
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 && spec.Names[0].Name == name {
			table, _ = spec.Values[0].(*ast.CompositeLit)
		}
		return table == nil
	})
	if table == nil {
		return nil, fmt.Errorf("no map %s in %s", name, path)
	}
	return entriesOf(table)
}

// entriesOf returns the entries of a map with text keys.
func entriesOf(table *ast.CompositeLit) (map[string]ast.Expr, error) {
	out := make(map[string]ast.Expr, len(table.Elts))
	for _, element := range table.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return nil, fmt.Errorf("an entry has no key")
		}
		key, err := text(pair.Key)
		if err != nil {
			return nil, fmt.Errorf("key of a map: %w", err)
		}
		out[key] = pair.Value
	}
	return out, nil
}

func fieldsOf(literal *ast.CompositeLit) map[string]ast.Expr {
	out := map[string]ast.Expr{}
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok {
				out[key.Name] = pair.Value
			}
		}
	}
	return out
}

func integer(e ast.Expr) (int, error) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.INT {
		return 0, fmt.Errorf("a number was expected")
	}
	return strconv.Atoi(literal.Value)
}

func text(e ast.Expr) (string, error) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", fmt.Errorf("a string was expected")
	}
	return strconv.Unquote(literal.Value)
}
