package join

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const redacted = "<redacted>"

// secrets are what may stand on a console and nowhere else: bootstrap tokens, kubeadm's
// certificate keys (and with them other numbers of that length), private keys, and what a
// script that traces itself prints behind a telling name.
var secrets = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`), redacted},
	{regexp.MustCompile(`\b[a-z0-9]{6}\.[a-z0-9]{16}\b`), redacted},
	{regexp.MustCompile(`\b[0-9a-fA-F]{64}\b`), redacted},
	{regexp.MustCompile(`(?i)\b((?:[a-z0-9]+[_-])*(?:token|password|passwd|secret|client-key-data|certificate-key)["']?[ \t]*[:=][ \t]*)["']?[^\s"']+`), "${1}" + redacted},
	{regexp.MustCompile(`(?i)\b(bearer[ \t]+)[^\s"']+`), "${1}" + redacted},
}

// Scrub returns console output without the secrets that it may hold. It takes away too much
// rather than too little.
func Scrub(console string) string {
	for _, s := range secrets {
		console = s.pattern.ReplaceAllString(console, s.instead)
	}
	return console
}

// telling finds our scripts' phases, and why kubeadm gave up, behind whatever kernel and
// cloud-init put in front of a line.
var telling = regexp.MustCompile(`karpenter-join phase=\S+ result=\S+.*|error execution phase .*|couldn't validate the identity of the API Server.*|\[ERROR [^]]+\].*`)

const (
	// tellingLines are enough for where a machine is and the errors of its last attempt; all
	// of them have to fit into an event.
	tellingLines  = 4
	tellingLength = 200
)

// Progress returns the lines of console output that say how far a machine has come with its
// join, oldest first, of each phase the last: what failed, and what was done last. Kubelets
// and users write there too, so they are cut to a length and to what can be printed. The
// console has to be scrubbed before.
func Progress(console string) []string {
	var lines []string
	for line := range strings.Lines(console) {
		found := strings.TrimSpace(strings.Map(printable, telling.FindString(line)))
		if found == "" {
			continue
		}
		if runes := []rune(found); len(runes) > tellingLength {
			found = string(runes[:tellingLength]) + "..."
		}
		lines = append(slices.DeleteFunc(lines, func(l string) bool { return subject(l) == subject(found) }), found)
	}
	for len(lines) > tellingLines {
		// A failure says more than any number of successes.
		drop := max(0, slices.IndexFunc(lines, succeeded))
		lines = slices.Delete(lines, drop, drop+1)
	}
	return lines
}

// phaseLine is a line of our scripts: its phase, how that went, and what more there is to say.
var phaseLine = regexp.MustCompile(`^karpenter-join phase=(\S+) result=(\S+) ?(.*)`)

// Failure is a phase that did not succeed.
type Failure struct {
	Phase  string
	Detail string // for example "exit=100"; may be empty
}

// FirstFailure returns the first phase that failed by lines, as Progress returns them: what
// fails after it may do so because of it. It is false when none did.
func FirstFailure(lines []string) (Failure, bool) {
	for _, line := range lines {
		if found := phaseLine.FindStringSubmatch(line); found != nil && found[2] != resultOK {
			return Failure{Phase: found[1], Detail: found[3]}, true
		}
	}
	return Failure{}, false
}

const resultOK = "ok"

// subject is what a line speaks of: of two that speak of the same, the later one counts.
func subject(line string) string {
	if found := phaseLine.FindStringSubmatch(line); found != nil {
		return found[1]
	}
	return line
}

func succeeded(line string) bool {
	found := phaseLine.FindStringSubmatch(line)
	return found != nil && found[2] == resultOK
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}
