package token

import (
	"context"
	"fmt"
	"os"
)

// File is a Source: a file that holds the token and nothing else, for example of a mounted
// Secret, which changes when the Secret does.
type File string

// Read reads the file.
func (f File) Read(context.Context) (string, error) {
	raw, err := os.ReadFile(string(f))
	if err != nil {
		return "", fmt.Errorf("reading the bootstrap token of BOOTSTRAP_TOKEN_FILE: %w", err)
	}
	return string(raw), nil
}

// String says which file.
func (f File) String() string { return "file " + string(f) }
