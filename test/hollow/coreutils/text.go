package coreutils

import (
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func text() map[string]shell.Command {
	return map[string]shell.Command{
		"cat": cat, "tee": tee, "head": head, "tail": tail, "wc": wc, "sort": sortLines, "uniq": uniq,
		"tr": tr, "cut": cut, "seq": seq, "echo": echo,
	}
}

func cat(_ context.Context, p *shell.Proc) int {
	return syntax{short: "nu"}.run(p, 1, func(_ options, names []string) int {
		return each(p, names, func(_ string, content []byte) { _, _ = p.Stdout.Write(content) })
	})
}

// tee passes its input on as it comes, since it often is the log of a running script.
func tee(_ context.Context, p *shell.Proc) int {
	return syntax{short: "ai", long: map[string]string{"append": "a"}}.run(p, 1, func(o options, names []string) int {
		flag := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		if o.has("a") {
			flag = os.O_WRONLY | os.O_CREATE | os.O_APPEND
		}
		status, writers := 0, []io.Writer{p.Stdout}
		for _, name := range names {
			file, err := p.Open(name, flag, 0o644)
			if err != nil {
				status = p.Fail(1, "%s: %s", name, shell.Reason(err))
				continue
			}
			defer func() { _ = file.Close() }()
			writers = append(writers, file)
		}
		if _, err := io.Copy(io.MultiWriter(writers...), p.Stdin); err != nil {
			return p.Fail(1, "%v", err)
		}
		return status
	})
}

func head(_ context.Context, p *shell.Proc) int {
	return syntax{short: "n:c:q"}.run(p, 1, func(o options, names []string) int {
		return each(p, names, func(_ string, content []byte) {
			if o.has("c") {
				_, _ = p.Stdout.Write(content[:min(len(content), atoi(o.last("c", "")))])
				return
			}
			all := lines(content)
			printLines(p, all[:min(len(all), atoi(o.last("n", "10")))])
		})
	})
}

func tail(_ context.Context, p *shell.Proc) int {
	return syntax{short: "n:c:qf"}.run(p, 1, func(o options, names []string) int {
		return each(p, names, func(_ string, content []byte) {
			if o.has("c") {
				_, _ = p.Stdout.Write(content[max(0, len(content)-atoi(o.last("c", ""))):])
				return
			}
			all, count := lines(content), o.last("n", "10")
			if from, ok := strings.CutPrefix(count, "+"); ok {
				printLines(p, all[min(len(all), max(0, atoi(from)-1)):])
				return
			}
			printLines(p, all[max(0, len(all)-atoi(count)):])
		})
	})
}

func printLines(p *shell.Proc, all []string) {
	for _, line := range all {
		p.Printf("%s\n", line)
	}
}

// atoi is for counts: what is no number counts nothing.
func atoi(text string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "-"))
	if err != nil {
		return 0
	}
	return n
}

func wc(_ context.Context, p *shell.Proc) int {
	return syntax{short: "lwcm"}.run(p, 1, func(o options, names []string) int {
		return each(p, names, func(name string, content []byte) {
			var counts []string
			for _, c := range []struct {
				letter string
				count  int
			}{{"l", strings.Count(string(content), "\n")}, {"w", len(strings.Fields(string(content)))}, {"c", len(content)}} {
				if len(o) == 0 || o.has(c.letter) || (c.letter == "c" && o.has("m")) {
					counts = append(counts, strconv.Itoa(c.count))
				}
			}
			if name != "-" {
				counts = append(counts, name)
			}
			p.Printf("%s\n", strings.Join(counts, " "))
		})
	})
}

func sortLines(_ context.Context, p *shell.Proc) int {
	return syntax{short: "runVk:t:"}.run(p, 2, func(o options, names []string) int {
		var all []string
		status := each(p, names, func(_ string, content []byte) { all = append(all, lines(content)...) })
		slices.SortStableFunc(all, func(a, b string) int {
			if o.has("n") && atoi(a) != atoi(b) {
				return atoi(a) - atoi(b)
			}
			return strings.Compare(a, b)
		})
		if o.has("r") {
			slices.Reverse(all)
		}
		if o.has("u") {
			all = slices.Compact(all)
		}
		printLines(p, all)
		return status
	})
}

func uniq(_ context.Context, p *shell.Proc) int {
	return syntax{}.run(p, 1, func(_ options, names []string) int {
		return each(p, names, func(_ string, content []byte) { printLines(p, slices.Compact(lines(content))) })
	})
}

func tr(_ context.Context, p *shell.Proc) int {
	return syntax{short: "dsc"}.run(p, 1, func(o options, sets []string) int {
		input, err := io.ReadAll(p.Stdin)
		if err != nil || len(sets) == 0 {
			return p.Fail(1, "missing operand")
		}
		t := translation{from: charset(sets[0]), o: o, last: -1}
		if len(sets) > 1 {
			t.to = []rune(charset(sets[1]))
		}
		p.Printf("%s", strings.Map(t.of, string(input)))
		return 0
	})
}

// translation is tr at work.
type translation struct {
	from string
	to   []rune
	o    options
	last rune // for squeezing
}

// of returns what a character becomes, -1 when it goes.
func (t *translation) of(r rune) rune {
	at := strings.IndexRune(t.from, r)
	hit := at >= 0 != t.o.has("c")
	switch {
	case hit && t.o.has("d"):
		return -1
	case hit && len(t.to) > 0:
		r = t.to[min(max(at, 0), len(t.to)-1)]
	}
	if hit && t.o.has("s") && r == t.last {
		return -1
	}
	t.last = r
	return r
}

// charset expands ranges, classes and escapes of tr's sets.
func charset(set string) string {
	for name, chars := range map[string]string{
		"[:lower:]": "a-z", "[:upper:]": "A-Z", "[:digit:]": "0-9", "[:alnum:]": "0-9A-Za-z", "[:space:]": " \t\n\r\v\f",
		`\n`: "\n", `\t`: "\t", `\0`: "\x00", `\r`: "\r",
	} {
		set = strings.ReplaceAll(set, name, chars)
	}
	var out strings.Builder
	all := []rune(set)
	for i := 0; i < len(all); i++ {
		if i+2 < len(all) && all[i+1] == '-' {
			for r := all[i]; r <= all[i+2]; r++ {
				out.WriteRune(r)
			}
			i += 2
			continue
		}
		out.WriteRune(all[i])
	}
	return out.String()
}

func cut(_ context.Context, p *shell.Proc) int {
	s := syntax{short: "d:f:c:s", long: map[string]string{"delimiter": "d", "fields": "f", "characters": "c"}}
	return s.run(p, 1, func(o options, names []string) int {
		if !o.has("f") && !o.has("c") {
			return p.Fail(1, "you must specify a list of bytes, characters, or fields")
		}
		delimiter := o.last("d", "\t")
		if o.has("c") {
			delimiter = ""
		}
		wanted := o.last("f", o.last("c", ""))
		return each(p, names, func(_ string, content []byte) {
			for _, line := range lines(content) {
				fields := strings.Split(line, delimiter)
				if len(fields) == 1 && delimiter != "" {
					if !o.has("s") {
						p.Printf("%s\n", line)
					}
					continue
				}
				p.Printf("%s\n", strings.Join(chosen(fields, wanted), delimiter))
			}
		})
	})
}

// chosen returns the fields that a list like "1,3-4,6-" names.
func chosen(fields []string, wanted string) []string {
	var out []string
	for i, field := range fields {
		for _, part := range strings.Split(wanted, ",") {
			from, to, isRange := strings.Cut(part, "-")
			low, high := atoi(from), atoi(to)
			if !isRange {
				high = low
			}
			if isRange && to == "" {
				high = len(fields)
			}
			if i+1 >= low && i+1 <= high {
				out = append(out, field)
				break
			}
		}
	}
	return out
}

func seq(_ context.Context, p *shell.Proc) int {
	first, step := 1, 1
	var last int
	switch numbers := p.Args[1:]; len(numbers) {
	case 1:
		last = atoi(numbers[0])
	case 2:
		first, last = atoi(numbers[0]), atoi(numbers[1])
	case 3:
		first, step, last = atoi(numbers[0]), atoi(numbers[1]), atoi(numbers[2])
	default:
		return p.Fail(1, "missing operand")
	}
	for i := first; step > 0 && i <= last; i += step {
		p.Printf("%d\n", i)
	}
	return 0
}

// echo is /bin/echo, for what does not run it as the shell's builtin.
func echo(_ context.Context, p *shell.Proc) int {
	args, end := p.Args[1:], "\n"
	if len(args) > 0 && args[0] == "-n" {
		args, end = args[1:], ""
	}
	p.Printf("%s%s", strings.Join(args, " "), end)
	return 0
}
