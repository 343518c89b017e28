package join

import (
	"strings"

	"sigs.k8s.io/yaml"
)

// cloudConfig is what can run commands in a #cloud-config document.
type cloudConfig struct {
	BootCmd    []any `json:"bootcmd"`
	RunCmd     []any `json:"runcmd"`
	WriteFiles []struct {
		Content string `json:"content"`
	} `json:"write_files"`
}

// cloudConfigJoins reports whether a #cloud-config document runs `kubeadm join`: as a
// command, or in a script that it writes out. What is not YAML of that form does not.
func cloudConfigJoins(document string) bool {
	var config cloudConfig
	if err := yaml.Unmarshal([]byte(document), &config); err != nil {
		return false
	}
	for _, command := range append(config.BootCmd, config.RunCmd...) {
		if commandJoins(command) {
			return true
		}
	}
	for _, file := range config.WriteFiles {
		if joins(file.Content) {
			return true
		}
	}
	return false
}

// commandJoins judges one entry of runcmd: a line for the shell, or the words of a command.
func commandJoins(command any) bool {
	switch c := command.(type) {
	case string:
		return joins(c)
	case []any:
		var words []string
		for _, word := range c {
			text, ok := word.(string)
			if !ok {
				continue
			}
			words = append(words, text)
			// ["sh", "-c", "kubeadm join ..."]
			if strings.ContainsAny(text, " \n") && joins(text) {
				return true
			}
		}
		return runsJoin(words)
	default:
		return false
	}
}
