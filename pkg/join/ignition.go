package join

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	ignitionerrors "github.com/coreos/ignition/v2/config/shared/errors"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/validate"
	"github.com/coreos/vcontext/report"
)

// ignitionVersion is the oldest that has what ours needs; all of Flatcar that reads Ignition 3
// at all reads it.
const ignitionVersion = "3.3.0"

// The part of Ignition's configuration that we write.
type (
	ignitionConfig struct {
		Ignition ignition `json:"ignition"`
		Storage  *storage `json:"storage,omitempty"`
		Systemd  *systemd `json:"systemd,omitempty"`
	}
	ignition struct {
		Version string  `json:"version"`
		Config  *config `json:"config,omitempty"`
	}
	config struct {
		Merge []resource `json:"merge"`
	}
	storage struct {
		Files []file `json:"files"`
	}
	file struct {
		Path      string   `json:"path"`
		Mode      int      `json:"mode"`
		Overwrite bool     `json:"overwrite"`
		Contents  resource `json:"contents"`
	}
	resource struct {
		Compression string `json:"compression,omitempty"`
		Source      string `json:"source"`
	}
	systemd struct {
		Units []unit `json:"units"`
	}
	unit struct {
		Name     string `json:"name"`
		Enabled  bool   `json:"enabled"`
		Mask     bool   `json:"mask"`
		Contents string `json:"contents"`
	}
)

// mergeIgnition returns a configuration that has Ignition merge ours over the user's. The
// user's is in it with every byte, and by Ignition's own rules it may fetch others, be of an
// older version, or hold what we do not know. Both are packed: EC2's user data is small, and
// Ignition does not unpack it as a whole.
func mergeIgnition(users string, ours ignitionConfig) ([]byte, error) {
	own, err := json.Marshal(ours)
	if err != nil {
		return nil, fmt.Errorf("writing Ignition configuration: %w", err)
	}
	merge := [][]byte{own}
	if strings.TrimSpace(users) != "" {
		if err := checkIgnition([]byte(users), own); err != nil {
			return nil, err
		}
		merge = [][]byte{[]byte(users), own}
	}
	whole := ignitionConfig{Ignition: ignition{Version: ignitionVersion, Config: &config{}}}
	for _, one := range merge {
		packed, err := gzipped(one)
		if err != nil {
			return nil, err
		}
		whole.Ignition.Config.Merge = append(whole.Ignition.Config.Merge, resource{
			Compression: "gzip", Source: "data:;base64," + base64.StdEncoding.EncodeToString(packed),
		})
	}
	return json.Marshal(whole)
}

// checkIgnition refuses what Ignition would refuse, since a machine does not get past it.
func checkIgnition(users, own []byte) error {
	parsed, found, err := v3_4.ParseCompatibleVersion(users)
	if err != nil {
		return &SpecError{Field: "spec.userData", Problem: "is not Ignition as Flatcar takes it, JSON of version 3.0.0 to 3.4.0, which " +
			"butane makes of YAML of variant flatcar: " + reason(found, err)}
	}
	ours, _, err := v3_4.ParseCompatibleVersion(own)
	if err != nil {
		return fmt.Errorf("reading our own Ignition configuration: %w", err)
	}
	if found := validate.ValidateWithContext(v3_4.Merge(parsed, ours), nil); found.IsFatal() {
		return &SpecError{Field: "spec.userData", Problem: "does not go together with Karpenter's own unit and file: " + reason(found, ignitionerrors.ErrInvalid)}
	}
	return nil
}

// reason is what a report says that stops a machine, err where it says nothing.
func reason(found report.Report, err error) string {
	for _, entry := range found.Entries {
		if entry.Kind == report.Error {
			return entry.String()
		}
	}
	if errors.Is(err, ignitionerrors.ErrUnknownVersion) {
		return "ignition.version is none of them"
	}
	return err.Error()
}
