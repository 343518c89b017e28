package machine

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// keyText is in every package signing key that the network hands out.
const keyText = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

// errUnresolved is what programs see of a host that is not there.
var errUnresolved = errors.New("could not resolve host")

// errNoRoute is what programs see of an address that nothing comes back from.
var errNoRoute = errors.New("connection timed out")

// network is what a machine's programs reach: instance metadata, the keys and programs
// that Kubernetes and Docker publish, and the hosts that are really let through.
type network struct {
	metadata http.Handler
	config   Config
	arch     string
	now      func() time.Time // by the machine's clock
}

// RoundTrip answers a request or refuses it; only hosts of Config.Reachable see it.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	host, _ := hostPort(r.URL.Host)
	switch {
	case host == metadataHost:
		recorder := httptest.NewRecorder()
		n.metadata.ServeHTTP(recorder, r)
		return recorder.Result(), nil
	case slices.Contains(n.config.Reachable, host):
		return n.through(r)
	case n.config.AWS != "" && strings.HasSuffix(host, ".amazonaws.com"):
		return n.aws(r)
	}
	body, known := n.published(r.URL.String())
	if !known {
		return nil, unreachable(host)
	}
	status := http.StatusOK
	if body == nil {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// aws has the services of AWS answered where they are pretended. What was signed stays:
// the host that the request is for, and its headers.
func (n *network) aws(r *http.Request) (*http.Response, error) {
	target, err := url.Parse(n.config.AWS)
	if err != nil {
		return nil, fmt.Errorf("reading the address of AWS: %w", err)
	}
	there := r.Clone(r.Context())
	there.Host = r.URL.Host
	there.URL.Scheme, there.URL.Host = target.Scheme, target.Host
	return http.DefaultTransport.RoundTrip(there)
}

// published returns what is at an address, nil for a page that is not there, and whether the host is known.
func (n *network) published(address string) ([]byte, bool) {
	_, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://"), "/")
	key := []byte(keyText + "\n\nhollow\n-----END PGP PUBLIC KEY BLOCK-----\n")
	switch hostOf(address) {
	case hostOf(cmp.Or(n.config.Packages, "https://pkgs.k8s.io")):
		for _, file := range []string{"/Release.key", "/repodata/repomd.xml.key"} {
			if repo, ok := strings.CutSuffix(address, file); ok && n.config.serves(repo) {
				return key, true
			}
		}
		return nil, true
	case "download.docker.com":
		if strings.HasSuffix(path, "/gpg") {
			return key, true
		}
		return nil, true
	case "dl.k8s.io":
		return digested(path, n.release), true
	case "github.com":
		return digested(path, n.project), true
	}
	return nil, false
}

// digested is the file at path, or the digest of one where the path ends so.
func digested(path string, file func(string) []byte) []byte {
	of, digest := strings.CutSuffix(path, ".sha256")
	content := file(of)
	if !digest || content == nil {
		return content
	}
	return fmt.Appendf(nil, "%x", sha256.Sum256(content))
}

// release is a file of https://dl.k8s.io: the stable version or a program.
func (n *network) release(path string) []byte {
	version := n.config.Kubernetes
	if path == "release/stable.txt" {
		return []byte(version)
	}
	words := strings.Split(strings.TrimPrefix(path, "release/"), "/")
	if len(words) != 5 || words[1] != "bin" || words[2] != "linux" || words[3] != n.arch {
		return nil
	}
	if _, ok := programPackages()[words[4]]; !ok || !strings.HasPrefix(words[0], "v1.") {
		return nil
	}
	return shell.Program(words[4], words[0])
}
