package cloudinit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// Config is the part of cloud-config that is acted on. Other keys are left alone, as
// cloud-init leaves those whose module is not there.
type Config struct {
	Hostname         string    `json:"hostname"`
	FQDN             string    `json:"fqdn"`
	PreserveHostname bool      `json:"preserve_hostname"`
	PreferFQDN       bool      `json:"prefer_fqdn_over_hostname"`
	BootCmd          []Command `json:"bootcmd"`
	RunCmd           []Command `json:"runcmd"`
	Packages         []Package `json:"packages"`
	PackageUpdate    bool      `json:"package_update"`
	WriteFiles       []File    `json:"write_files"`
	Swap             *struct {
		Filename string `json:"filename"`
		Size     any    `json:"size"`
	} `json:"swap"`
}

// Command is a line for the shell or, given as a list, a program with its arguments.
type Command struct {
	Line string
	Args []string
}

// UnmarshalJSON takes a string or a list of strings.
func (c *Command) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		var args []any
		if err := json.Unmarshal(data, &args); err != nil {
			return err
		}
		for _, arg := range args {
			c.Args = append(c.Args, fmt.Sprint(arg))
		}
		return nil
	}
	return json.Unmarshal(data, &c.Line)
}

// Package is a package's name, or name and version.
type Package string

// UnmarshalJSON takes "name" or ["name", "version"].
func (p *Package) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*string)(p))
	}
	var pair []string
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	*p = Package(strings.Join(pair, "="))
	return nil
}

// File is an entry of write_files.
type File struct {
	Path        string `json:"path"`
	Content     string `json:"content"`
	Encoding    string `json:"encoding"`
	Permissions any    `json:"permissions"`
	Append      bool   `json:"append"`
	Defer       bool   `json:"defer"`
}

// Bytes returns the content, decoded as the entry says.
func (f File) Bytes() ([]byte, error) {
	encoding := strings.ToLower(strings.ReplaceAll(f.Encoding, "gzip", "gz"))
	data := []byte(f.Content)
	if strings.Contains(encoding, "b64") || strings.Contains(encoding, "base64") {
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(f.Content), ""))
		if err != nil {
			return nil, fmt.Errorf("decoding %s: %w", f.Path, err)
		}
		data = decoded
	}
	if strings.Contains(encoding, "gz") {
		return unpack(data)
	}
	return data, nil
}

// Mode returns the permissions, 0644 when the entry has none. A number that YAML read is
// in octal already.
func (f File) Mode() (fs.FileMode, error) {
	switch value := f.Permissions.(type) {
	case nil:
		return 0o644, nil
	case string:
		mode, err := strconv.ParseUint(strings.TrimPrefix(value, "0o"), 8, 12)
		if err != nil {
			return 0, fmt.Errorf("permissions of %s: %w", f.Path, err)
		}
		return fs.FileMode(mode), nil
	case float64:
		return fs.FileMode(int64(value)), nil
	}
	return 0, fmt.Errorf("permissions of %s: %v is neither a string nor a number", f.Path, f.Permissions)
}

// Merge reads the cloud-config parts in order. A key that several parts have is taken
// from the last, as cloud-init's default merging does.
func Merge(parts []Part) (Config, error) {
	merged := map[string]any{}
	for _, part := range parts {
		if part.Type != CloudConfig {
			continue
		}
		var one map[string]any
		if err := yaml.Unmarshal(part.Body, &one); err != nil {
			return Config{}, fmt.Errorf("reading cloud-config %s: %w", part.Name, err)
		}
		maps.Copy(merged, one)
	}
	data, err := json.Marshal(merged)
	if err != nil {
		return Config{}, fmt.Errorf("merging cloud-config: %w", err)
	}
	var config Config
	if err := json.Unmarshal(data, &config); err != nil {
		return Config{}, fmt.Errorf("reading cloud-config: %w", err)
	}
	return config, nil
}
