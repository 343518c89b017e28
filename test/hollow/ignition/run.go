package ignition

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/ignition/v2/config/validate"
	"github.com/vincent-petithory/dataurl"
	"k8s.io/utils/ptr"
)

// Disk is the files of a machine. Put makes the folders that are missing.
type Disk interface {
	Exists(name string) bool
	Put(name string, content []byte, mode fs.FileMode) error
	MkdirAll(name string, mode fs.FileMode) error
	Symlink(target, name string) error
}

// result marks that Ignition has been here.
const result = "/etc/.ignition-result.json"

// cache is where Ignition keeps the merged configuration between its stages, in memory.
const cache = "/run/ignition.json"

const (
	unitFolder = "/etc/systemd/system"
	wants      = unitFolder + "/multi-user.target.wants"
)

// Run does what user data says. After an error a machine does not boot any further.
func Run(disk Disk, userData []byte) error {
	if disk.Exists(result) {
		return nil
	}
	config, err := render(userData)
	if err != nil {
		return err
	}
	if report := validate.ValidateWithContext(config, nil); report.IsFatal() {
		return fmt.Errorf("merged configuration: %s", report.String())
	}
	cached, err := json.Marshal(config)
	if err != nil {
		return fmt.Errorf("writing merged configuration: %w", err)
	}
	return errors.Join(
		disk.Put(cache, cached, 0o600),
		writeStorage(disk, config.Storage),
		writeUnits(disk, config.Systemd.Units),
		disk.Put(result, []byte("{}\n"), 0o644),
	)
}

// render parses a configuration and merges into it what it says, each over those before it.
func render(raw []byte) (types.Config, error) {
	config, report, err := v3_4.ParseCompatibleVersion(raw)
	if err != nil {
		return config, fmt.Errorf("parsing configuration: %w: %s", err, report.String())
	}
	if replace := config.Ignition.Config.Replace; replace.Source != nil {
		inner, err := fetch(replace)
		if err != nil {
			return config, err
		}
		return render(inner)
	}
	merged := config
	for _, one := range config.Ignition.Config.Merge {
		inner, err := fetch(one)
		if err != nil {
			return config, err
		}
		child, err := render(inner)
		if err != nil {
			return config, err
		}
		merged = v3_4.Merge(merged, child)
	}
	return merged, nil
}

// fetch returns what a resource holds, unpacked.
func fetch(r types.Resource) ([]byte, error) {
	source := ptr.Deref(r.Source, "")
	decoded, err := dataurl.DecodeString(source)
	if err != nil {
		return nil, fmt.Errorf("fetching %.40s: %w", source, err)
	}
	if ptr.Deref(r.Compression, "") != "gzip" {
		return decoded.Data, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(decoded.Data))
	if err != nil {
		return nil, fmt.Errorf("unpacking %.40s: %w", source, err)
	}
	return io.ReadAll(reader)
}

func writeStorage(disk Disk, storage types.Storage) error {
	for _, folder := range storage.Directories {
		if err := disk.MkdirAll(folder.Path, fs.FileMode(ptr.Deref(folder.Mode, 0o755)).Perm()); err != nil {
			return err
		}
	}
	for _, file := range storage.Files {
		if err := writeFile(disk, file); err != nil {
			return fmt.Errorf("writing %s: %w", file.Path, err)
		}
	}
	for _, link := range storage.Links {
		if err := disk.MkdirAll(path.Dir(link.Path), 0o755); err != nil {
			return err
		}
		if err := disk.Symlink(ptr.Deref(link.Target, ""), link.Path); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(disk Disk, file types.File) error {
	if disk.Exists(file.Path) && !ptr.Deref(file.Overwrite, false) {
		return fs.ErrExist
	}
	var content []byte
	for _, part := range append([]types.Resource{file.Contents}, file.Append...) {
		if part.Source == nil {
			continue
		}
		fetched, err := fetch(part)
		if err != nil {
			return err
		}
		content = append(content, fetched...)
	}
	return disk.Put(file.Path, content, fs.FileMode(ptr.Deref(file.Mode, 0o644)).Perm())
}

func writeUnits(disk Disk, units []types.Unit) error {
	var errs []error
	for _, unit := range units {
		name := path.Join(unitFolder, unit.Name)
		switch {
		case ptr.Deref(unit.Mask, false):
			errs = append(errs, disk.MkdirAll(unitFolder, 0o755), disk.Symlink("/dev/null", name))
		case unit.Contents != nil:
			errs = append(errs, disk.Put(name, []byte(*unit.Contents), 0o644))
		}
		for _, dropIn := range unit.Dropins {
			errs = append(errs, disk.Put(path.Join(name+".d", dropIn.Name), []byte(ptr.Deref(dropIn.Contents, "")), 0o644))
		}
		if ptr.Deref(unit.Enabled, false) {
			errs = append(errs, disk.MkdirAll(wants, 0o755), disk.Symlink(name, path.Join(wants, unit.Name)))
		}
	}
	return errors.Join(errs...)
}
