package machine

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/vfs"
)

// unitDirs are where systemd looks for units, the ones that win first.
func unitDirs() []string {
	return []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}
}

var errNoUnit = errors.New("unit not found")

// unit is a unit file with its drop-ins: the values of each key of each section, in order.
type unit map[string][]string

// readUnit reads the unit called name, with its suffix, and the drop-ins that apply to it.
func readUnit(disk *vfs.FS, name string) (unit, error) {
	u := unit{}
	found := false
	for _, dir := range unitDirs() {
		content, err := disk.ReadFile(path.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u.merge(string(content))
		found = true
		break
	}
	if !found {
		return nil, errNoUnit
	}
	for _, dropIn := range dropIns(disk, name) {
		content, err := disk.ReadFile(dropIn)
		if err != nil {
			return nil, err
		}
		u.merge(string(content))
	}
	return u, nil
}

// dropIns lists the drop-ins of a unit by name. One in a stronger directory replaces one
// of the same name in a weaker.
func dropIns(disk *vfs.FS, name string) []string {
	at := map[string]string{}
	for _, dir := range unitDirs() {
		entries, err := disk.ReadDir(path.Join(dir, name+".d"))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if _, taken := at[entry.Name()]; !taken && strings.HasSuffix(entry.Name(), ".conf") {
				at[entry.Name()] = path.Join(dir, name+".d", entry.Name())
			}
		}
	}
	files := make([]string, 0, len(at))
	for _, dropIn := range slices.Sorted(maps.Keys(at)) {
		files = append(files, at[dropIn])
	}
	return files
}

// merge adds the assignments of a unit file; an empty one takes back those before it.
func (u unit) merge(content string) {
	section := ""
	for _, line := range strings.Split(strings.ReplaceAll(content, "\\\n", " "), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			key, value, _ := strings.Cut(line, "=")
			key = section + "." + strings.TrimSpace(key)
			if value = strings.TrimSpace(value); value == "" {
				delete(u, key)
				continue
			}
			u[key] = append(u[key], value)
		}
	}
}

// last returns the value of a key that holds one, or otherwise when it has none.
func (u unit) last(key, otherwise string) string {
	if values := u[key]; len(values) > 0 {
		return values[len(values)-1]
	}
	return otherwise
}

// environment returns the variables that the unit's programs get, from Environment= and
// then the files of EnvironmentFile=. A file that is missing is an error unless its name starts with "-".
func (u unit) environment(disk *vfs.FS) ([]string, error) {
	var env []string
	for _, line := range u["Service.Environment"] {
		env = append(env, unquoteWords(line)...)
	}
	for _, name := range u["Service.EnvironmentFile"] {
		name, optional := strings.CutPrefix(name, "-")
		content, err := disk.ReadFile(name)
		if err != nil {
			if optional {
				continue
			}
			return nil, err
		}
		for _, line := range strings.Split(string(content), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' || line[0] == ';' {
				continue
			}
			name, value, _ := strings.Cut(line, "=")
			env = append(env, strings.TrimSpace(name)+"="+unquote(strings.TrimSpace(value)))
		}
	}
	return env, nil
}

// unquote takes the quotes off a value that is quoted as a whole.
func unquote(value string) string {
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		quote := value[0]
		value = value[1 : len(value)-1]
		if quote == '"' {
			value = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(value)
		}
	}
	return value
}

// unquoteWords splits a line at spaces as systemd does, honouring quotes and backslashes.
func unquoteWords(line string) []string {
	var w words
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' && i+1 < len(line) && w.quote != '\'' {
			i++
			w.add(line[i])
			continue
		}
		w.next(line[i])
	}
	w.end()
	return w.all
}

// words are read byte by byte.
type words struct {
	all   []string
	word  []byte
	quote byte // that is open, else 0
	begun bool // a word, which may be empty when it is quoted
}

func (w *words) next(c byte) {
	switch {
	case w.quote != 0 && c == w.quote:
		w.quote = 0
	case w.quote == 0 && (c == '"' || c == '\''):
		w.quote, w.begun = c, true
	case w.quote == 0 && (c == ' ' || c == '\t'):
		w.end()
	default:
		w.add(c)
	}
}

func (w *words) add(c byte) { w.word, w.begun = append(w.word, c), true }

func (w *words) end() {
	if w.begun {
		w.all = append(w.all, string(w.word))
	}
	w.word, w.begun = nil, false
}

// commandLine returns the arguments of an ExecStart= line: $NAME as a word of its own is
// split at spaces, ${NAME} is not.
func commandLine(line string, env []string) []string {
	value := func(name string) string {
		for i := len(env) - 1; i >= 0; i-- {
			if v, ok := strings.CutPrefix(env[i], name+"="); ok {
				return v
			}
		}
		return ""
	}
	var args []string
	for _, word := range unquoteWords(strings.TrimLeft(line, "-@:+!")) {
		if name, ok := strings.CutPrefix(word, "$"); ok && !strings.HasPrefix(name, "{") && !strings.HasPrefix(name, "$") {
			args = append(args, unquoteWords(value(name))...)
			continue
		}
		for start := strings.Index(word, "${"); start >= 0; start = strings.Index(word, "${") {
			end := strings.Index(word[start:], "}")
			if end < 0 {
				break
			}
			word = word[:start] + value(word[start+2:start+end]) + word[start+end+1:]
		}
		args = append(args, strings.ReplaceAll(word, "$$", "$"))
	}
	return args
}
