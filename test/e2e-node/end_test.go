package e2enode_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/cgroup"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/node/world"
)

var _ = Describe("An instance that is terminated", func() {
	It("leaves no process, mount, interface, control group or file behind", Label(everyMinor), func(ctx SpecContext) {
		before := everything()
		f := newFixture("t3.large").baked()
		f.create(ctx)
		f.pod(ctx)
		_, instance := f.running(ctx)
		while := everything()
		for _, kind := range []string{"processes", "interfaces", "groups", "files"} {
			Expect(while[kind]).NotTo(Equal(before[kind]), "the comparison sees "+kind)
		}

		Expect(run().env.Admin.Delete(ctx, f.Pod)).To(Succeed())
		Expect(run().env.Terminate(ctx, instance.ID)).To(Succeed())
		Eventually(everything).WithContext(ctx).WithTimeout(time.Minute).Should(Equal(before))
	}, SpecTimeout(5*time.Minute))
})

// everything lists what a machine could leave in the world, by kind.
func everything() map[string][]string {
	GinkgoHelper()
	found := map[string][]string{}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	Expect(err).NotTo(HaveOccurred())
	found["mounts"] = strings.Split(string(mounts), "\n")
	interfaces, err := net.Interfaces()
	Expect(err).NotTo(HaveOccurred())
	for _, i := range interfaces {
		found["interfaces"] = append(found["interfaces"], i.Name)
	}
	entries, err := os.ReadDir("/proc")
	Expect(err).NotTo(HaveOccurred())
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			found["processes"] = append(found["processes"], strconv.Itoa(pid))
		}
	}
	own, err := cgroup.Own()
	Expect(err).NotTo(HaveOccurred())
	for _, h := range own {
		below, err := filepath.Glob(filepath.Join(h.Dir, "*", "cgroup.procs"))
		Expect(err).NotTo(HaveOccurred())
		found["groups"] = append(found["groups"], below...)
	}
	files, err := filepath.Glob(filepath.Join(world.Machines(), "*"))
	Expect(err).NotTo(HaveOccurred())
	found["files"] = files
	slices.Sort(found["processes"])
	return found
}
