package join_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/pelletier/go-toml/v2"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// rendered renders userData. What is refused is refused in words for the user, and then there
// is nothing to look at.
func rendered(t *testing.T, family join.Family, userData string) ([]byte, bool) {
	t.Helper()
	g := NewWithT(t)
	data, err := join.Render(spec(t, func(s *join.Spec) { s.Family, s.UserData = family, userData }))
	if err != nil {
		var fault *join.SpecError
		var size *join.SizeError
		g.Expect(errors.As(err, &fault) || errors.As(err, &size)).To(BeTrue(), "%v", err)
		g.Expect(err.Error()).NotTo(ContainSubstring(secret))
		return nil, false
	}
	g.Expect(len(data.Bytes())).To(BeNumerically("<=", join.MaxUserData))
	return data.Bytes(), true
}

// unpacked undoes gzip.
func unpacked(t *testing.T, raw []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw
	}
	g := NewWithT(t)
	r, err := gzip.NewReader(bytes.NewReader(raw))
	g.Expect(err).NotTo(HaveOccurred())
	plain, err := io.ReadAll(r)
	g.Expect(err).NotTo(HaveOccurred())
	return plain
}

// filled is text with the placeholders as they have to be filled in.
func filled(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(text, "${BOOTSTRAP_TOKEN}") {
		return text
	}
	pins, err := cluster.Pins(read(t, "ca.pem"))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return strings.NewReplacer("${CLUSTER_ENDPOINT}", "api.example.com", "${BOOTSTRAP_TOKEN}", "abcdef."+secret,
		"${CA_CERT_HASH}", strings.TrimPrefix(pins[0], "sha256:")).Replace(text)
}

// usersBodies are the documents in a user's archive, by the standard library alone.
func usersBodies(t *testing.T, archive string) []string {
	t.Helper()
	g := NewWithT(t)
	message, err := mail.ReadMessage(strings.NewReader(archive))
	g.Expect(err).NotTo(HaveOccurred())
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	g.Expect(err).NotTo(HaveOccurred())
	var bodies []string
	for reader := multipart.NewReader(message.Body, params["boundary"]); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return bodies
		}
		g.Expect(err).NotTo(HaveOccurred())
		var content io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
			content = base64.NewDecoder(base64.StdEncoding, part)
		}
		body, err := io.ReadAll(content)
		g.Expect(err).NotTo(HaveOccurred())
		bodies = append(bodies, string(body))
	}
}

func isArchive(userData string) bool {
	head := strings.ToLower(strings.TrimLeft(userData, " \t\r\n"))
	return strings.HasPrefix(head, "mime-version:") || strings.HasPrefix(head, "content-type:")
}

// FuzzCloudInit merges whatever a user may write with what cloud-init is to run.
func FuzzCloudInit(f *testing.F) {
	for _, seed := range []string{
		"", " \n", "#!/bin/sh\necho hi", "\n#cloud-config\nruncmd: [ls]\n", "#CLOUD-CONFIG\n", "echo \x00\r\r\n\xff", "kubeadm join --token ${BOOTSTRAP_TOKEN}",
		"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n#!/bin/sh\n\n\n--b\nContent-Type: text/cloud-config\n\nx: 1\r\n--b--\n",
		"Mime-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/x-shellscript\r\n\r\necho 1\r\n\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\naGk=\n--b\nContent-Transfer-Encoding: Quoted-Printable\n\na=3Db =\n c\n--b--",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nü\r\n--c--\n\n--b--\n",
		"Content-Type: multipart/mixed\n\n--\n\n", "Content-Type: text/plain\n\nx",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, userData string) {
		raw, ok := rendered(t, join.Ubuntu, userData)
		if !ok {
			return
		}
		g := NewWithT(t)
		got := []string{}
		for _, document := range parse(t, bytes.NewReader(unpacked(t, raw))) {
			got = append(got, document.body)
		}
		want := []string{userData}
		switch {
		case strings.Trim(userData, " \t\r\n") == "":
			want = nil
		case isArchive(userData):
			want = usersBodies(t, strings.TrimLeft(userData, " \t\r\n"))
		}
		g.Expect(got).To(HaveLen(len(want) + 1))
		ours := len(want) // our script comes last, unless one of the user's joins
		if strings.Contains(got[0], "phase=start") && !strings.Contains(strings.Join(want, ""), "phase=start") {
			ours = 0
		}
		g.Expect(got[ours]).To(HavePrefix("#!/bin/bash\nset -euo pipefail\n"))
		for n, body := range append(got[:ours:ours], got[ours+1:]...) {
			g.Expect(body).To(Equal(filled(t, want[n])))
		}
	})
}

// FuzzCustom expects the user's bytes, all of them.
func FuzzCustom(f *testing.F) {
	for _, seed := range []string{"", "\x00\xff\r\n", "${BOOTSTRAP_TOKEN}${CLUSTER_ENDPOINT}${CA_CERT_HASH}", "${CLUSTER_ENDPOINT}", "${${BOOTSTRAP_TOKEN}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, userData string) {
		if raw, ok := rendered(t, join.Custom, userData); ok {
			NewWithT(t).Expect(string(raw)).To(Equal(filled(t, userData)))
		}
	})
}

// ownedByUs are the settings that the user has no say in.
var ownedByUs = []string{
	"api-server", "authentication-mode", "bootstrap-token", "cloud-provider", "cluster-certificate", "cluster-name",
	"eviction-hard", "hostname-override-source", "kube-reserved", "max-pods", "node-taints", "system-reserved",
}

// FuzzBottlerocket expects every setting of the user's that is theirs, with its value.
func FuzzBottlerocket(f *testing.F) {
	for _, seed := range []string{
		"", "# nothing\n", "a = 1\r\nb = 'x'\n", "[settings.kubernetes.node-labels]\nteam = 'ai'\n", "settings.motd = \"\"\"\nüber\\u0000\n\"\"\"",
		"[[settings.x]]\n[[settings.x]]\ny = [nan, -0.0, 1e9, {z = 07:32:00}]\n", "[settings.a]\n[settings.a.'b.c']\n\"\" = 1979-05-27T07:32:00-08:00\n",
		"settings = {kubernetes = {max-pods = 1, static-pods = {}}}", "x = [[], [1], [{}]]\n", "[settings.kubernetes]\ncluster-domain = 'x'\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, userData string) {
		raw, ok := rendered(t, join.Bottlerocket, userData)
		if !ok {
			return
		}
		g := NewWithT(t)
		var users, got map[string]any
		g.Expect(toml.Unmarshal([]byte(userData), &users)).To(Succeed())
		g.Expect(toml.Unmarshal(unpacked(t, raw), &got)).To(Succeed())
		ours := got["settings"].(map[string]any)["kubernetes"].(map[string]any)
		g.Expect(ours).To(And(HaveKeyWithValue("bootstrap-token", "abcdef."+secret), HaveKeyWithValue("cluster-name", "demo")))
		if users, ok := users["settings"].(map[string]any); ok {
			if kubernetes, ok := users["kubernetes"].(map[string]any); ok {
				for _, name := range ownedByUs {
					delete(kubernetes, name)
				}
			}
		}
		expectWithin(g, users, got, "")
	})
}

// expectWithin expects everything of want in got; got may have more in tables.
func expectWithin(g Gomega, want, got map[string]any, at string) {
	for key, value := range want {
		inner, isTable := value.(map[string]any)
		if !isTable {
			wanted, err := toml.Marshal(map[string]any{"x": value}) // NaN is not equal to itself, its text is
			g.Expect(err).NotTo(HaveOccurred())
			found, err := toml.Marshal(map[string]any{"x": got[key]})
			g.Expect(err).NotTo(HaveOccurred())
			if _, label := ourLabels[key]; !label {
				g.Expect(string(found)).To(Equal(string(wanted)), "%s.%s", at, key)
			}
			continue
		}
		g.Expect(got).To(HaveKeyWithValue(key, BeAssignableToTypeOf(inner)), "%s.%s", at, key)
		expectWithin(g, inner, got[key].(map[string]any), at+"."+key)
	}
}

// ourLabels are those of spec, which win over the user's.
var ourLabels = map[string]bool{
	"role": true, "karpenter.sh/nodepool": true, "karpenter.sh/capacity-type": true,
	"karpenter.sh/do-not-sync-taints": true, "topology.kubernetes.io/region": true,
}
