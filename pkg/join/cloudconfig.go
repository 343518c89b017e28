package join

import "sigs.k8s.io/yaml"

// cloudConfig is what can run commands or install packages in a #cloud-config document.
type cloudConfig struct {
	BootCmd    []any `json:"bootcmd"`
	RunCmd     []any `json:"runcmd"`
	Packages   []any `json:"packages"`
	WriteFiles []struct {
		Content string `json:"content"`
	} `json:"write_files"`
	Apt struct {
		Sources map[string]struct {
			Source string `json:"source"`
		} `json:"sources"`
	} `json:"apt"`
}

// cloudConfigCommands returns the commands that a #cloud-config document runs, and those of
// scripts that it writes out. What is not YAML of that form has none.
func cloudConfigCommands(document string) []command {
	var config cloudConfig
	if err := yaml.Unmarshal([]byte(document), &config); err != nil {
		return nil
	}
	var found []command
	for _, entry := range append(config.BootCmd, config.RunCmd...) {
		found = append(found, entryCommands(entry)...)
	}
	for _, file := range config.WriteFiles {
		found = append(found, command{input: file.Content})
		found = append(found, commands(file.Content)...)
	}
	for _, source := range config.Apt.Sources {
		found = append(found, command{input: source.Source})
	}
	for _, name := range config.Packages {
		if text, ok := name.(string); ok {
			found = append(found, command{words: []string{"apt-get", "install", text}})
		}
	}
	return found
}

// entryCommands reads one entry of runcmd: a line for the shell, or the words of a command,
// among which may be a script (["sh", "-c", "kubeadm join ..."]).
func entryCommands(entry any) []command {
	switch e := entry.(type) {
	case string:
		return commands(e)
	case []any:
		var s search
		var words []string
		for _, word := range e {
			if text, ok := word.(string); ok {
				words = append(words, text)
			}
		}
		s.add(command{words: words})
		return s.found
	default:
		return nil
	}
}
