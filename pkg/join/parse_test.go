package join_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// document is one part of a MIME archive as cloud-init would get it.
type document struct{ mediaType, filename, body string }

// parse reads a MIME archive with the standard library alone.
func parse(t *testing.T, archive io.Reader) []document {
	t.Helper()
	g := NewWithT(t)
	message, err := mail.ReadMessage(archive)
	g.Expect(err).NotTo(HaveOccurred())
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	g.Expect(err).NotTo(HaveOccurred())
	reader := multipart.NewReader(message.Body, params["boundary"])
	var documents []document
	for {
		part, err := reader.NextPart() // undoes quoted-printable
		if errors.Is(err, io.EOF) {
			return documents
		}
		g.Expect(err).NotTo(HaveOccurred())
		mediaType := "text/plain"
		if declared, _, err := mime.ParseMediaType(part.Header.Get("Content-Type")); err == nil {
			mediaType = declared
		}
		body, err := io.ReadAll(part)
		g.Expect(err).NotTo(HaveOccurred())
		documents = append(documents, document{mediaType, part.FileName(), string(body)})
	}
}

func render(t *testing.T, s join.Spec) []document {
	t.Helper()
	data, err := join.Render(s)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return parse(t, bytes.NewReader(data.Bytes()))
}

// variables evaluates the assignments at the head of a script, as the shell would.
func variables(t *testing.T, script string) map[string]string {
	t.Helper()
	g := NewWithT(t)
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	g.Expect(err).NotTo(HaveOccurred())
	values := map[string]string{}
	for _, statement := range file.Stmts {
		call, ok := statement.Cmd.(*syntax.CallExpr)
		if !ok || len(call.Args) > 0 {
			continue
		}
		for _, assign := range call.Assigns {
			fields, err := expand.Fields(nil, assign.Value)
			g.Expect(err).NotTo(HaveOccurred())
			values[assign.Name.Value] = strings.Join(fields, " ")
		}
	}
	return values
}

// decode reads YAML and refuses what target has no field for.
func decode(g Gomega, text string, target any) {
	g.Expect(yaml.UnmarshalStrict([]byte(text), target)).To(Succeed())
}

func TestUbuntuTellsKubeadm(t *testing.T) {
	g := NewWithT(t)
	parts := render(t, spec(t, nil))
	g.Expect(parts).To(HaveLen(1))
	g.Expect(parts[0].mediaType).To(Equal("text/x-shellscript"))
	values := variables(t, parts[0].body)

	var config map[string]any
	decode(g, values["kubeadm_config"], &config)
	g.Expect(config).To(HaveKeyWithValue("apiVersion", "kubeadm.k8s.io/v1beta4"))
	g.Expect(config).To(HaveKeyWithValue("timeouts", HaveKeyWithValue("tlsBootstrap", "20m0s")))
	g.Expect(config).To(HaveKeyWithValue("discovery", Equal(map[string]any{
		"file": map[string]any{"kubeConfigPath": "/run/karpenter-join/discovery.conf"},
	})))
	node := config["nodeRegistration"].(map[string]any)
	g.Expect(node).To(HaveKeyWithValue("name", "__NODE_NAME__"))
	g.Expect(node["taints"]).To(ConsistOf(
		map[string]any{"key": "workload", "value": "ai", "effect": "NoSchedule"},
		map[string]any{"key": "karpenter.sh/unregistered", "effect": "NoExecute"},
	))
	g.Expect(node["kubeletExtraArgs"]).To(ConsistOf(
		map[string]any{"name": "provider-id", "value": "__PROVIDER_ID__"},
		map[string]any{"name": "node-labels", "value": "karpenter.sh/capacity-type=on-demand," +
			"karpenter.sh/do-not-sync-taints=true,karpenter.sh/nodepool=worker-scalable,role=worker,__MACHINE_LABELS__"},
	))

	var discovery map[string]any
	decode(g, values["discovery_config"], &discovery)
	g.Expect(discovery["users"]).To(ConsistOf(HaveKeyWithValue("user", HaveKeyWithValue("token", "abcdef."+secret))))
	g.Expect(discovery["clusters"]).To(ConsistOf(HaveKeyWithValue("cluster", HaveKeyWithValue("server", "https://api.example.com:6443"))))

	var patch []map[string]any
	decode(g, values["kubelet_patch"], &patch)
	g.Expect(patch).To(Equal([]map[string]any{
		{"op": "add", "path": "/evictionHard", "value": map[string]any{"memory.available": "100Mi", "nodefs.available": "10%"}},
		{"op": "add", "path": "/maxPods", "value": 110.0},
	}))
	g.Expect(values).To(HaveKeyWithValue("region", "ap-northeast-2"))
	g.Expect(strings.Count(parts[0].body, secret)).To(Equal(1), "the secret stands in one place")
}

func TestUbuntuOfAnOlderCluster(t *testing.T) {
	g := NewWithT(t)
	parts := render(t, goldens(t)["ubuntu/external-1.30"])
	g.Expect(parts).To(HaveLen(2))
	g.Expect(parts[0].mediaType).To(Equal("text/cloud-config"), "the user's document comes first")
	values := variables(t, parts[1].body)

	var config map[string]any
	decode(g, values["kubeadm_config"], &config)
	g.Expect(config).To(HaveKeyWithValue("apiVersion", "kubeadm.k8s.io/v1beta3"))
	g.Expect(config).NotTo(HaveKey("timeouts"))
	g.Expect(config).To(HaveKeyWithValue("discovery", HaveKeyWithValue("timeout", "20m0s")))
	node := config["nodeRegistration"].(map[string]any)
	g.Expect(node["kubeletExtraArgs"]).To(HaveKeyWithValue("cloud-provider", "external"))

	var patch []map[string]any
	decode(g, values["kubelet_patch"], &patch)
	g.Expect(patch).To(ContainElements(
		map[string]any{"op": "add", "path": "/imageGCHighThresholdPercent", "value": 70.0},
		map[string]any{"op": "add", "path": "/kubeReserved", "value": map[string]any{"cpu": "80m"}},
		map[string]any{"op": "add", "path": "/podsPerCore", "value": 0.0}, // counted already
		map[string]any{"op": "add", "path": "/maxPods", "value": 110.0},   // the sizes that the scheduler was told win
	))
	g.Expect(values).To(HaveKeyWithValue("systemd_cgroup", "false"))
	g.Expect(values).To(HaveKeyWithValue("resource_naming", "true"))
	g.Expect(values).To(HaveKeyWithValue("image_repository", "registry.example.com/kubernetes"))
	g.Expect(parts[1].body).To(ContainSubstring("mdadm --create"))
}

func TestUbuntuPreparesForTheUsersJoin(t *testing.T) {
	g := NewWithT(t)
	parts := render(t, goldens(t)["ubuntu/prepare-seed"])
	g.Expect(parts).To(HaveLen(2))
	g.Expect(parts[0].filename < "part-001").To(BeTrue(), "cloud-init runs scripts in the order of their names")

	pins, err := cluster.Pins(read(t, "ca.pem"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(parts[1].body).To(Equal(strings.NewReplacer(
		"${CLUSTER_ENDPOINT}", "api.example.com",
		"${BOOTSTRAP_TOKEN}", "abcdef."+secret,
		"${CA_CERT_HASH}", strings.TrimPrefix(pins[0], "sha256:"),
	).Replace(string(read(t, "seed.sh")))), "every other byte of the user's script stays as it is")

	values := variables(t, parts[0].body)
	g.Expect(strings.Fields(values["kubelet_flags"])).To(ConsistOf(
		"--register-with-taints=workload=ai:NoSchedule,karpenter.sh/unregistered=:NoExecute",
		"--node-labels=karpenter.sh/capacity-type=on-demand,karpenter.sh/do-not-sync-taints=true,"+
			"karpenter.sh/nodepool=worker-scalable,role=worker,__MACHINE_LABELS__",
		"--provider-id=__PROVIDER_ID__",
		"--eviction-hard=memory.available<100Mi,nodefs.available<10%",
		"--max-pods=110",
	))
	g.Expect(values).To(HaveKeyWithValue("add_repository", "true"))
	g.Expect(parts[0].body).NotTo(ContainSubstring(secret), "only the script that joins needs the secret")
}

func TestUbuntuPreparesForACloudConfigThatJoins(t *testing.T) {
	g := NewWithT(t)
	parts := render(t, goldens(t)["ubuntu/prepare-cloud-config"])
	g.Expect(parts).To(HaveLen(2))
	g.Expect(parts[1].body).To(ContainSubstring("abcdef." + secret))
	values := variables(t, parts[0].body)
	g.Expect(values).To(HaveKeyWithValue("add_repository", "false"), "two entries with different keys are an error to apt")
	g.Expect(strings.Fields(values["kubelet_flags"])).To(ContainElements(
		"--cloud-provider=external", "--cluster-dns=10.96.0.10", "--cpu-cfs-quota=false",
		"--eviction-soft=memory.available<200Mi", "--eviction-soft-grace-period=memory.available=1m",
	))
}

func TestUsersPartsKeepTheirHeadersAndBytes(t *testing.T) {
	g := NewWithT(t)
	users := strings.Join([]string{
		"Content-Type: multipart/mixed; boundary=user", "MIME-Version: 1.0", "",
		"--user", `Content-Type: text/cloud-config; charset="us-ascii"`, "Merge-Type: list(append)", "", "packages: [jq]", "",
		"--user", "Content-Type: text/x-shellscript", "Content-Transfer-Encoding: base64", `Content-Disposition: attachment; filename="mine.sh"`, "",
		"IyEvYmluL3NoCmVjaG8g7ISk7LmYCg==",
		"--user--", "",
	}, "\r\n")
	data, err := join.Render(spec(t, func(s *join.Spec) { s.UserData = users }))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(data.Bytes())).To(ContainSubstring("Merge-Type: list(append)\n"))

	parts := parse(t, bytes.NewReader(data.Bytes()))
	g.Expect(parts).To(HaveLen(3))
	g.Expect(parts[0]).To(Equal(document{"text/cloud-config", "", "packages: [jq]\r\n"}))
	g.Expect(parts[1]).To(Equal(document{"text/x-shellscript", "mine.sh", "#!/bin/sh\necho 설치\n"}))
}

func TestValuesCannotBreakOutOfTheScript(t *testing.T) {
	g := NewWithT(t)
	nasty := `it's "$(reboot)" \ ` + "`x`"
	parts := render(t, spec(t, func(s *join.Spec) { s.Labels["example.com/note"] = nasty }))
	g.Expect(variables(t, parts[0].body)["kubeadm_config"]).To(ContainSubstring("example.com/note=it"))
	var config map[string]any
	decode(g, variables(t, parts[0].body)["kubeadm_config"], &config)
	g.Expect(config["nodeRegistration"].(map[string]any)["kubeletExtraArgs"]).To(
		ContainElement(HaveKeyWithValue("value", ContainSubstring(nasty))))
}
