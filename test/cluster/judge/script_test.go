package judge

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// scripts returns what user data holds that may be shell: the parts of a MIME archive, the
// files of an Ignition document, or user data itself. None of pkg/join's code is used.
func scripts(t *testing.T, userData []byte) []string {
	t.Helper()
	g := NewWithT(t)
	userData = unzipped(g, userData)
	switch {
	case bytes.HasPrefix(userData, []byte("MIME-Version:")):
		return parts(g, userData)
	case bytes.HasPrefix(userData, []byte("{")):
		return files(g, userData)
	default:
		return []string{string(userData)}
	}
}

func unzipped(g Gomega, data []byte) []byte {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	g.Expect(err).NotTo(HaveOccurred())
	content, err := io.ReadAll(reader)
	g.Expect(err).NotTo(HaveOccurred())
	return content
}

func parts(g Gomega, archive []byte) []string {
	message, err := mail.ReadMessage(bytes.NewReader(archive))
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
		body, err := io.ReadAll(part)
		g.Expect(err).NotTo(HaveOccurred())
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			body, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
			g.Expect(err).NotTo(HaveOccurred())
		}
		bodies = append(bodies, string(body))
	}
}

func files(g Gomega, ignition []byte) []string {
	type source struct{ Source string }
	var config struct {
		Ignition struct{ Config struct{ Merge []source } }
		Storage  struct{ Files []struct{ Contents source } }
	}
	g.Expect(json.Unmarshal(ignition, &config)).To(Succeed())
	var bodies []string
	for _, merged := range config.Ignition.Config.Merge {
		if inner := dataOf(g, merged.Source); inner != nil {
			bodies = append(bodies, files(g, inner)...)
		}
	}
	for _, file := range config.Storage.Files {
		if content := dataOf(g, file.Contents.Source); content != nil {
			bodies = append(bodies, string(content))
		}
	}
	return bodies
}

// dataOf is what a data URL holds, unpacked; nil of any other URL.
func dataOf(g Gomega, source string) []byte {
	data, ok := strings.CutPrefix(source, "data:")
	if !ok {
		return nil
	}
	kind, text, _ := strings.Cut(data, ",")
	content, err := url.PathUnescape(text)
	g.Expect(err).NotTo(HaveOccurred())
	if strings.HasSuffix(kind, ";base64") {
		decoded, err := base64.StdEncoding.DecodeString(content)
		g.Expect(err).NotTo(HaveOccurred())
		content = string(decoded)
	}
	return unzipped(g, []byte(content))
}

// assignment is a line NAME='...' at the head of a script, in which an apostrophe is '\”.
var assignment = regexp.MustCompile(`(?m)^([a-z_]+)='((?:[^']|'\\'')*)'$`)

// assignments returns what a script is told. File names of the patch, which kubeadm goes
// by, are in it as patch_file.
func assignments(script string) map[string]string {
	values := map[string]string{}
	for _, match := range assignment.FindAllStringSubmatch(script, -1) {
		values[match[1]] = strings.ReplaceAll(match[2], `'\''`, "'")
	}
	if match := patchFile.FindStringSubmatch(script); match != nil {
		values["patch_file"] = match[1]
	}
	return values
}

var patchFile = regexp.MustCompile(`/patches/(kubeletconfiguration[a-z0-9+.]*)`)
