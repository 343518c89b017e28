package join

import _ "embed"

//go:embed scripts/dnf.sh
var dnfScript string

// al2023 is the plain image of Amazon Linux 2023, which comes with cloud-init, and not the one
// for EKS, which joins by AWS's own program and nothing but EKS.
func al2023() scripted { return scripted{family: AL2023, packages: dnfScript} }
