package binary

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// downloaded marks the folders of Go releases that a go.mod made the Go command switch to.
const downloaded = string(filepath.Separator) + "golang.org" + string(filepath.Separator) + "toolchain@"

var errNoGo = errors.New("finding the Go command: there is none in PATH; install Go, or give the folder of built programs with --bin")

// environment is what the Go command runs with, of the given "name=value" list. What would make the outcome depend on
// who calls is taken out. Above all: "go test" and "go run" of a module that asked for a newer Go put that release's
// folder first in PATH, and a build by it shares nothing with one from a terminal. Which release compiles this is a
// matter of the installed Go and of our own go.mod.
func environment(inherited []string) []string {
	kept := slices.DeleteFunc(slices.Clone(inherited), func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		return name == "GOFLAGS" || name == "GOWORK" || name == "PWD" ||
			strings.HasPrefix(name, "GOTOOLCHAIN_INTERNAL_") ||
			name == "GOROOT" && strings.Contains(value, downloaded)
	})
	for i, variable := range kept {
		if path, found := strings.CutPrefix(variable, "PATH="); found {
			kept[i] = "PATH=" + strings.Join(downloadedLast(path), string(filepath.ListSeparator))
		}
	}
	return append(kept, "GOFLAGS=", "GOWORK=off")
}

// downloadedLast keeps them at the end: who calls an installed Go by its path need not have it in PATH.
func downloadedLast(path string) []string {
	var first, last []string
	for _, dir := range filepath.SplitList(path) {
		if strings.Contains(dir, downloaded) {
			last = append(last, dir)
		} else {
			first = append(first, dir)
		}
	}
	return append(first, last...)
}

// goTool finds the Go command in the PATH of env.
func goTool(env []string) (string, error) {
	for _, variable := range env {
		path, found := strings.CutPrefix(variable, "PATH=")
		if !found {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			tool := filepath.Join(dir, "go")
			if info, err := os.Stat(tool); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(tool) {
				return tool, nil
			}
		}
	}
	return "", errNoGo
}
