package cgroup

import (
	"testing"

	. "github.com/onsi/gomega"
)

const (
	v1Mounts = `30 24 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 30 0:29 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 30 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices
35 30 0:31 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
36 30 0:32 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio
37 30 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
38 30 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd
39 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`
	v1Own = "9:name=systemd:/\n8:pids:/\n7:blkio:/\n6:freezer:/\n5:devices:/\n4:memory:/docker/abc/jobs/1\n3:cpuset:/\n2:cpu,cpuacct:/a\n0::/\n"
)

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		mounts, own string
		want        map[string]string
		err         OmegaMatcher
	}{
		"version 1, with controllers together and a mounted subtree": {
			mounts: v1Mounts, own: v1Own, err: BeNil(),
			want: map[string]string{
				"cpu,cpuacct": "/sys/fs/cgroup/cpu,cpuacct/a", "cpuset": "/sys/fs/cgroup/cpuset", "memory": "/sys/fs/cgroup/memory/jobs/1",
				"devices": "/sys/fs/cgroup/devices", "freezer": "/sys/fs/cgroup/freezer", "blkio": "/sys/fs/cgroup/blkio",
				Unified: "/sys/fs/cgroup/unified", "pids": "/sys/fs/cgroup/pids", "name=systemd": "/sys/fs/cgroup/systemd",
			},
		},
		"version 2": {
			mounts: "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", own: "0::/user.slice\n", err: MatchError(ErrVersion2),
		},
		"a hierarchy is missing": {
			mounts: "37 30 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n", own: v1Own, err: MatchError(ContainSubstring(`"cpu" is not mounted`)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			group, err := parse(tc.mounts, tc.own)
			g.Expect(err).To(tc.err)
			if err != nil {
				return
			}
			got := map[string]string{}
			for _, h := range group {
				got[h.Controllers] = h.Dir
			}
			g.Expect(got).To(Equal(tc.want))
		})
	}
}
