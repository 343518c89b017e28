// Package cache answers where programs of this repository keep what they built or installed
// between runs: KARPENTER_CACHE, else a folder of the user's. It remembers nothing.
package cache

import (
	"fmt"
	"os"
	"path/filepath"
)

// Folder returns the absolute path, which may not exist yet. It fails where the user has no
// cache folder and KARPENTER_CACHE is not set.
func Folder() (string, error) {
	if folder := os.Getenv("KARPENTER_CACHE"); folder != "" {
		return filepath.Abs(folder)
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w; set KARPENTER_CACHE to one", err)
	}
	return filepath.Join(user, "karpenter-provider-aws"), nil
}
