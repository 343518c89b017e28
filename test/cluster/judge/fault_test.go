package judge

import (
	"maps"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// The judge is worth its name only if it refuses: what kubeadm and kubelet take becomes, by
// one change, what they do not.
func TestTheJudgeRefuses(t *testing.T) {
	const v1beta3, v1beta4, prepare = "ubuntu/1.30", "ubuntu/1.31", "ubuntu/prepare-seed"
	for name, tc := range map[string]struct {
		golden, setting, old, replacement string
		want                              string
	}{
		"an unknown field of v1beta3":    {v1beta3, "kubeadm_config", "\nnodeRegistration:\n", "\nnodeRegistration:\n  kubletExtraArgs: {}\n", `unknown field "nodeRegistration.kubletExtraArgs"`},
		"an unknown field of v1beta4":    {v1beta4, "kubeadm_config", "  tlsBootstrap:", "  tlsBootstrapp:", `unknown field "timeouts.tlsBootstrapp"`},
		"v1beta4's field in v1beta3":     {v1beta3, "kubeadm_config", "\npatches:", "\ntimeouts: {discovery: 20m0s}\npatches:", `unknown field "timeouts"`},
		"v1beta4's arguments in v1beta3": {v1beta3, "kubeadm_config", "    cloud-provider: external\n", "  - {name: cloud-provider, value: external}\n", "error"},
		"v1beta3's arguments in v1beta4": {v1beta4, "kubeadm_config", "  - name: cloud-provider\n    value: external\n", "    cloud-provider: external\n", "error"},
		"a version that kubeadm lacks":   {v1beta4, "kubeadm_config", "kubeadm.k8s.io/v1beta4", "kubeadm.k8s.io/v1beta9", "v1beta9"},
		"a duration without unit":        {v1beta4, "kubeadm_config", "discovery: 20m0s", "discovery: 20", "cannot unmarshal number"},
		"the patience forgotten":         {v1beta4, "kubeadm_config", "tlsBootstrap: 20m0s", "tlsBootstrap: 5m0s", "waits 5m0s for the certificate"},
		"a CRI socket that is no URL":    {v1beta4, "kubeadm_config", "unix:///run", "http:///run", "makes unix://http:///run"},
		"a node name that is none":       {v1beta4, "kubeadm_config", "__NODE_NAME__", "Not_A_Name", "not_a_name"},
		"an unknown taint effect":        {v1beta4, "kubeadm_config", "effect: NoSchedule", "effect: NoShedule", "NoShedule"},
		"a label that kubelet refuses":   {v1beta4, "kubeadm_config", "role=worker", "node-role.kubernetes.io/worker=", "node-role.kubernetes.io/worker"},
		"an unknown flag of kubelet":     {v1beta4, "kubeadm_config", "name: cloud-provider", "name: cloudprovider", "unknown flag: --cloudprovider"},
		"no discovery file":              {v1beta4, "kubeadm_config", "/discovery.conf", "/absent.conf", "absent.conf"},
		"no context in discovery":        {v1beta4, "discovery_config", "current-context: karpenter", "current-context: x", "context was not found"},
		"an unknown setting":             {v1beta4, "kubelet_patch", "/maxPods", "/maxPod", `unknown field "maxPod"`},
		"a setting of another type":      {v1beta4, "kubelet_patch", `"value": 110`, `"value": "110"`, "maxPods"},
		"a setting out of range":         {v1beta4, "kubelet_patch", `"value": 70`, `"value": 170`, "imageGCHighThresholdPercent"},
		"an unknown signal":              {v1beta4, "kubelet_patch", `"nodefs.available"`, `"nodefs.free"`, "nodefs.free"},
		"a patch kubeadm cannot apply":   {v1beta4, "kubelet_patch", `"op": "add"`, `"op": "put"`, "put"},
		"a patch of no kind":             {v1beta4, "patch_file", "+json.", "+jsn.", "unknown or missing patch type"},
		"a patch of nothing":             {v1beta4, "patch_file", "kubeletconfiguration", "kubelet", "does not apply the patch"},
		"a flag that is gone":            {prepare, "kubelet_flags", "--max-pods=", "--container-runtime=", "unknown flag: --container-runtime"},
		"a flag with a wrong value":      {prepare, "kubelet_flags", "--max-pods=110", "--max-pods=many", `invalid argument "many"`},
		"a flag without provider ID":     {prepare, "kubelet_flags", "--provider-id=__PROVIDER_ID__", "", "provider ID"},
		"a flag without taint":           {prepare, "kubelet_flags", "--register-with-taints=workload=ai:NoSchedule,karpenter.sh/unregistered=:NoExecute", "", "without a taint"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			settings := settingsOf(t, tc.golden)
			g.Expect(judge(t, settings)).To(Succeed())
			g.Expect(settings[tc.setting]).To(ContainSubstring(tc.old))

			changed := maps.Clone(settings)
			changed[tc.setting] = strings.ReplaceAll(settings[tc.setting], tc.old, tc.replacement)
			g.Expect(judge(t, changed)).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

// settingsOf are those of the golden's script that joins or prepares.
func settingsOf(t *testing.T, name string) map[string]string {
	t.Helper()
	for _, script := range scripts(t, goldens(t)[name]) {
		if settings := assignments(script); settings["kubeadm_config"] != "" || settings["kubelet_flags"] != "" {
			return settings
		}
	}
	t.Fatalf("golden %s holds no script of ours", name)
	return nil
}
