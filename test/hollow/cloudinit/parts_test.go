package cloudinit_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/cloudinit"
)

const archive = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
echo one
--//
Content-Type: text/cloud-config
Content-Disposition: attachment; filename="config.yaml"

runcmd: [echo two]
--//--
`

func packed(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(w.Close()).To(Succeed())
	return out.String()
}

func TestParse(t *testing.T) {
	script := cloudinit.Part{Type: cloudinit.Script, Name: "part-001", Body: []byte("#!/bin/bash\necho one")}
	config := cloudinit.Part{Type: cloudinit.CloudConfig, Name: "config.yaml", Body: []byte("runcmd: [echo two]")}
	for name, tc := range map[string]struct {
		data string
		want []cloudinit.Part
		err  OmegaMatcher
	}{
		"nothing":                       {data: "", err: BeNil()},
		"script":                        {data: "#!/bin/bash\necho one", want: []cloudinit.Part{script}, err: BeNil()},
		"archive":                       {data: archive, want: []cloudinit.Part{script, config}, err: BeNil()},
		"archive with other line ends":  {data: strings.ReplaceAll(archive, "\n", "\r\n"), want: []cloudinit.Part{{Type: script.Type, Name: script.Name, Body: []byte("#!/bin/bash\r\necho one")}, config}, err: BeNil()},
		"packed archive":                {data: packed(t, archive), want: []cloudinit.Part{script, config}, err: BeNil()},
		"content type before version":   {data: strings.Replace(archive, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"//\"\n", "Content-Type: multipart/mixed; boundary=\"//\"\nMIME-Version: 1.0\n", 1), want: []cloudinit.Part{script, config}, err: BeNil()},
		"base64 part":                   {data: "Content-Type: multipart/mixed; boundary=B\nMIME-Version: 1.0\n\n--B\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\nIyEvYmluL2Jhc2gKZWNobyBvbmU=\n--B--\n", want: []cloudinit.Part{script}, err: BeNil()},
		"first line beats the header":   {data: "Content-Type: multipart/mixed; boundary=B\nMIME-Version: 1.0\n\n--B\nContent-Type: text/plain\n\n#!/bin/bash\necho one\n--B--\n", want: []cloudinit.Part{script}, err: BeNil()},
		"neither script nor config":     {data: "echo one", err: MatchError(ContainSubstring("unhandled non-multipart"))},
		"archive that is cut off":       {data: strings.TrimSuffix(archive, "--//--\n"), want: []cloudinit.Part{script}, err: MatchError(ContainSubstring("reading part 2"))},
		"archive without boundary":      {data: "MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--B\n", err: MatchError(ContainSubstring("without boundary"))},
		"broken gzip":                   {data: packed(t, archive)[:40], err: MatchError(ContainSubstring("unpacking user data"))},
		"base64 that was left encoded":  {data: "IyEvYmluL2Jhc2gKZWNobyBvbmU=", err: MatchError(ContainSubstring("unhandled non-multipart"))},
		"blank line before the header":  {data: "\n" + archive, want: []cloudinit.Part{script, config}, err: BeNil()},
		"boot hook":                     {data: "#cloud-boothook\necho x", want: []cloudinit.Part{{Type: cloudinit.BootHook, Name: "part-001", Body: []byte("#cloud-boothook\necho x")}}, err: BeNil()},
		"windows user data is not ours": {data: "<powershell>\njoin\n</powershell>", err: MatchError(ContainSubstring("<powershell>"))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			parts, err := cloudinit.Parse([]byte(tc.data))
			g.Expect(err).To(tc.err)
			g.Expect(parts).To(Equal(tc.want))
		})
	}
}

func TestMerge(t *testing.T) {
	g := NewWithT(t)
	config, err := cloudinit.Merge([]cloudinit.Part{
		{Type: cloudinit.CloudConfig, Body: []byte("#cloud-config\nruncmd: [first]\npackages: [jq, [kubelet, 1.36.3-1.1]]\nunknown: {a: 1}\n")},
		{Type: cloudinit.Script, Body: []byte("#!/bin/sh\n")},
		{Type: cloudinit.CloudConfig, Body: []byte("#cloud-config\nruncmd:\n- second\n- [echo, \"a b\", 3]\n")},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.RunCmd).To(Equal([]cloudinit.Command{{Line: "second"}, {Args: []string{"echo", "a b", "3"}}}))
	g.Expect(config.Packages).To(Equal([]cloudinit.Package{"jq", "kubelet=1.36.3-1.1"}))

	_, err = cloudinit.Merge([]cloudinit.Part{{Type: cloudinit.CloudConfig, Name: "x", Body: []byte("runcmd: [")}})
	g.Expect(err).To(MatchError(ContainSubstring("reading cloud-config x")))
}

func TestFile(t *testing.T) {
	for name, tc := range map[string]struct {
		file cloudinit.File
		want string
		mode OmegaMatcher
		err  OmegaMatcher
	}{
		"plain":             {file: cloudinit.File{Content: "x"}, want: "x", mode: BeEquivalentTo(0o644), err: BeNil()},
		"base64":            {file: cloudinit.File{Content: "eA==", Encoding: "b64", Permissions: "0600"}, want: "x", mode: BeEquivalentTo(0o600), err: BeNil()},
		"octal by YAML":     {file: cloudinit.File{Content: "x", Permissions: float64(0o755)}, want: "x", mode: BeEquivalentTo(0o755), err: BeNil()},
		"encoding is a lie": {file: cloudinit.File{Path: "/f", Content: "%", Encoding: "b64"}, mode: BeEquivalentTo(0o644), err: MatchError(ContainSubstring("decoding /f"))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			data, err := tc.file.Bytes()
			g.Expect(err).To(tc.err)
			g.Expect(string(data)).To(Equal(tc.want))
			mode, err := tc.file.Mode()
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(mode).To(tc.mode)
		})
	}
}
