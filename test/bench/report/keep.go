package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/bench/result"
)

// Save keeps a run as JSON.
func Save(file string, run result.Run) error {
	content, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	if err := os.WriteFile(file, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("keeping the result: %w", err)
	}
	return nil
}

// Load reads a run that was kept; one without rows where there is no such file.
func Load(file string) (result.Run, error) {
	var run result.Run
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return run, nil
	}
	if err != nil {
		return run, fmt.Errorf("reading the baseline: %w", err)
	}
	if err := json.Unmarshal(content, &run); err != nil {
		return run, fmt.Errorf("decoding the baseline %s: %w", file, err)
	}
	return run, nil
}
