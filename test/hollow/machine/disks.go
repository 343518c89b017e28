package machine

import (
	"context"
	"fmt"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// AddInstanceStore gives the machine disks of its host, as EC2's come: each is a device with a link that says what it is.
func (m *Machine) AddInstanceStore(disks int) {
	m.must(m.FS.MkdirAll("/dev/disk/by-id", 0o755))
	for n := 1; n <= disks; n++ {
		device := fmt.Sprintf("/dev/nvme%dn1", n)
		m.must(m.FS.WriteFile(device, nil, 0o660))
		m.must(m.FS.Symlink(device, fmt.Sprintf("/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS%d", n)))
		m.must(m.FS.Symlink(device, fmt.Sprintf("/dev/disk/by-id/nvme-Amazon_EC2_NVMe_Instance_Storage_AWS%d_1", n)))
	}
}

func (m *Machine) diskCommands() map[string]shell.Command {
	return map[string]shell.Command{"mdadm": m.mdadm, "mkfs.ext4": m.mkfs, "blkid": m.blkid}
}

// mdadm makes an array of devices that are there: mdadm --create ARRAY --flags... DEVICES...
func (m *Machine) mdadm(_ context.Context, p *shell.Proc) int {
	var devices []string
	wanted := 0
	for _, arg := range p.Args[1:] {
		if _, err := fmt.Sscanf(arg, "--raid-devices=%d", &wanted); err != nil && !strings.HasPrefix(arg, "-") {
			devices = append(devices, arg)
		}
	}
	if len(devices) != wanted+1 {
		return p.Fail(2, "You have listed %d devices and asked for %d", len(devices)-1, wanted)
	}
	for _, device := range devices[1:] {
		if !m.FS.Exists(device) {
			return p.Fail(1, "cannot open %s: No such file or directory", device)
		}
	}
	if err := m.FS.Put(devices[0], []byte(strings.Join(devices[1:], " ")), 0o660); err != nil {
		return p.Fail(1, "%v", err)
	}
	return 0
}

// mkfs puts its name and the device's former content, the devices of an array, onto the device.
func (m *Machine) mkfs(_ context.Context, p *shell.Proc) int {
	device := p.Args[len(p.Args)-1]
	content, err := m.FS.ReadFile(device)
	if err != nil {
		return p.Fail(1, "The file %s does not exist and no size was specified.", device)
	}
	if err := m.FS.WriteFile(device, []byte("ext4 on "+string(content)), 0o660); err != nil {
		return p.Fail(1, "%v", err)
	}
	return 0
}

// blkid prints the id of the file system on a device.
func (m *Machine) blkid(_ context.Context, p *shell.Proc) int {
	device := p.Args[len(p.Args)-1]
	content, err := m.FS.ReadFile(device)
	if err != nil || !strings.HasPrefix(string(content), "ext4") {
		return 2
	}
	p.Printf("uuid-of-%s\n", strings.ReplaceAll(strings.Trim(device, "/"), "/", "-"))
	return 0
}
