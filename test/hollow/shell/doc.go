// Package shell runs shell scripts in a jail, by mvdan.cc/sh.
//
// It answers what a script does to a machine's files and which commands it runs with
// which arguments. Expansion, conditions, functions, pipes, here documents and `set -e`
// are the interpreter's own. It talks to the machine's vfs.FS and to the commands it is
// given, never to the host: every command resolves to a file of the machine, and a file
// runs only when it is a stub made by Program or a script. What the interpreter's
// builtins would look up on the host (PATH, sourced files, home directories) is
// looked up on the machine instead. The one thing of the host that it uses are the named
// pipes of process substitution, in a directory that the owner gives it.
//
// It remembers nothing between scripts but what they wrote. A command that is not there
// is the shell's own 127, not a Go error.
package shell
