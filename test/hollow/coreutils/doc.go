// Package coreutils is the small programs that join scripts call: files, text, time.
//
// It answers each with the flags that such scripts use and the messages and statuses of
// the GNU programs; a flag that it does not know is refused as invalid, never ignored.
// It talks to the shell.Proc that it is given, so to the machine's files only, and
// remembers nothing. Everything runs as root, so owners are accepted and dropped.
package coreutils

import "github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"

// Commands returns the programs by name.
func Commands() map[string]shell.Command {
	all := map[string]shell.Command{"bash": shell.Bash, "sh": shell.Sh, "dash": shell.Sh}
	for _, group := range []map[string]shell.Command{files(), listings(), text(), filters(), digests(), processes()} {
		for name, command := range group {
			all[name] = command
		}
	}
	return all
}
