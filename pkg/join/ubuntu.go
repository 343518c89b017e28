package join

import _ "embed"

//go:embed scripts/apt.sh
var aptScript string

// ubuntu is Canonical's server image, 20.04 and newer.
func ubuntu() scripted { return scripted{family: Ubuntu, packages: aptScript} }
