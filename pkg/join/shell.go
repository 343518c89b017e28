package join

import (
	"fmt"
	"strings"
)

// variable is one assignment at the head of a script.
type variable struct{ name, value string }

// script is a shell script: the line that names its interpreter, variables with the values
// that differ between Specs, then shell that is the same for all.
func script(variables []variable, sections ...string) string {
	var b strings.Builder
	b.WriteString("#!/bin/bash\nset -euo pipefail\n\n")
	for _, v := range variables {
		fmt.Fprintf(&b, "%s=%s\n", v.name, quote(v.value))
	}
	for _, section := range sections {
		b.WriteString("\n" + strings.TrimSpace(section) + "\n")
	}
	return b.String()
}

// quote returns text as one word of the shell, in which nothing is expanded.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
