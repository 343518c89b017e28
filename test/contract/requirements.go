package contract

import "embed"

// Requirements are pip's requirement files, with hashes, of the endpoints that other people
// wrote: requirements-<name>.txt, and requirements-build.txt for what is built from source.
//
//go:embed requirements-*.txt
var Requirements embed.FS
