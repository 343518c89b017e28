package operator

import (
	"context"
	"fmt"
	"os"
)

// tokenFile is where a bootstrap token is that users rotate: a file that holds it and nothing
// else, for example of a mounted Secret, which changes when the Secret does.
type tokenFile string

// Read reads the file.
func (f tokenFile) Read(context.Context) (string, error) {
	raw, err := os.ReadFile(string(f))
	if err != nil {
		return "", fmt.Errorf("reading the bootstrap token of BOOTSTRAP_TOKEN_FILE: %w", err)
	}
	return string(raw), nil
}

// String says which file.
func (f tokenFile) String() string { return "file " + string(f) + " (BOOTSTRAP_TOKEN_FILE)" }
