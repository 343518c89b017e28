package join

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
)

const (
	headerType        = "Content-Type"
	headerEncoding    = "Content-Transfer-Encoding"
	headerDisposition = "Content-Disposition"

	typeShell       = "text/x-shellscript"
	typeCloudConfig = "text/cloud-config"
	typeBoothook    = "text/cloud-boothook"
)

// part is one document of cloud-init's user data, decoded.
type part struct {
	header textproto.MIMEHeader
	body   string
}

func newPart(mediaType, body string) part {
	return part{header: textproto.MIMEHeader{headerType: {mediaType + `; charset="utf-8"`}}, body: body}
}

// mediaType is the part's type without parameters; cloud-init takes what has none for text/plain.
func (p part) mediaType() string {
	mediaType, _, err := mime.ParseMediaType(p.header.Get(headerType))
	if err != nil {
		return "text/plain"
	}
	return mediaType
}

// joins reports whether the part runs `kubeadm join`.
//
// When in doubt the answer is yes: then the script is prepared for and trusted to join,
// while a wrong no would have the machine join twice.
func (p part) joins() bool { return slices.ContainsFunc(p.commands(), command.joins) }

// commands are those that the part runs; none where it is not of a kind that is looked into.
func (p part) commands() []command {
	switch p.mediaType() {
	case typeCloudConfig:
		return cloudConfigCommands(p.body)
	case typeShell, typeBoothook:
		return commands(p.body)
	default:
		return nil
	}
}

// The beginning of a document says what it is, as cloud-init judges it: whatever the case,
// and after blanks.
var mediaTypes = []struct{ prefix, mediaType string }{
	{"#cloud-config-archive", "text/cloud-config-archive"},
	{"#cloud-config-jsonp", "text/cloud-config-jsonp"},
	{"#cloud-config", typeCloudConfig},
	{"#cloud-boothook", typeBoothook},
	{"#include-once", "text/x-include-once-url"},
	{"#include", "text/x-include-url"},
	{"#part-handler", "text/part-handler"},
	{"## template: jinja", "text/jinja2"},
}

// parseParts returns the documents in user data: the parts of a MIME multipart archive, or
// the one document that it is. A document of no known kind is a script, as the AWS provider
// takes it.
func parseParts(userData string) ([]part, error) {
	document := strings.TrimLeft(userData, " \t\r\n")
	if document == "" {
		return nil, nil
	}
	if begins(document, "MIME-Version:") || begins(document, headerType+":") {
		return parseArchive(document)
	}
	for _, known := range mediaTypes {
		if begins(document, known.prefix) {
			return []part{newPart(known.mediaType, userData)}, nil
		}
	}
	return []part{newPart(typeShell, userData)}, nil
}

func begins(document, prefix string) bool {
	return len(document) >= len(prefix) && strings.EqualFold(document[:len(prefix)], prefix)
}

// parseArchive reads a MIME multipart archive. Its own lines may end as in mail or as in
// files; those of its parts stay as they are, since they are the user's.
func parseArchive(archive string) ([]part, error) {
	message, err := mail.ReadMessage(strings.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("reading MIME headers: %w", err)
	}
	mediaType, params, err := mime.ParseMediaType(message.Header.Get(headerType))
	if err != nil {
		return nil, fmt.Errorf("reading MIME content type: %w", err)
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		return nil, fmt.Errorf("MIME content type %s is not multipart/mixed", mediaType)
	}
	if params["boundary"] == "" {
		return nil, errors.New("MIME content type has no boundary")
	}
	var parts []part
	reader := multipart.NewReader(message.Body, params["boundary"])
	for {
		next, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading MIME part %d: %w", len(parts)+1, err)
		}
		p, err := decode(next)
		if err != nil {
			return nil, fmt.Errorf("reading MIME part %d: %w", len(parts)+1, err)
		}
		parts = append(parts, p)
	}
}

func decode(raw *multipart.Part) (part, error) {
	var body io.Reader = raw
	switch encoding := strings.ToLower(raw.Header.Get(headerEncoding)); encoding {
	case "", "7bit", "8bit", "binary":
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, raw)
	case "quoted-printable":
		body = quotedprintable.NewReader(raw)
	default:
		return part{}, fmt.Errorf("unknown transfer encoding %q", encoding)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return part{}, err
	}
	raw.Header.Del(headerEncoding) // of the body as it came
	return part{header: raw.Header, body: string(content)}, nil
}

// archive puts parts into one MIME multipart document. Its boundary is made from the
// content, so that the same parts give the same bytes and none of them can hold it.
func archive(parts []part) ([]byte, error) {
	sum := sha256.New()
	for _, p := range parts {
		_, _ = io.WriteString(sum, p.body) // a hash does not fail
	}
	boundary := "karpenter-" + hex.EncodeToString(sum.Sum(nil))[:24]

	var out bytes.Buffer
	fmt.Fprintf(&out, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=%q\n\n", boundary)
	for _, p := range parts {
		body, encoding, err := p.encoded()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "--%s\n", boundary)
		for _, name := range headerNames(p.header) {
			for _, value := range p.header[name] {
				fmt.Fprintf(&out, "%s: %s\n", name, value)
			}
		}
		fmt.Fprintf(&out, "%s: %s\n\n%s\n", headerEncoding, encoding, body)
	}
	fmt.Fprintf(&out, "--%s--\n", boundary)
	return out.Bytes(), nil
}

func headerNames(header textproto.MIMEHeader) []string {
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// encoded returns the part's body as it can stand in a mail. Plain text stands as it is, and
// so does what holds parts itself, which must not be quoted. All else is quoted: cloud-init
// would hand other letters on as \u escapes, and lose carriage returns.
func (p part) encoded() (body, encoding string, err error) {
	if !slices.ContainsFunc([]byte(p.body), func(b byte) bool { return b >= 0x80 || b == '\r' || b == 0 }) {
		return p.body, "7bit", nil
	}
	if mediaType := p.mediaType(); strings.HasPrefix(mediaType, "multipart/") || strings.HasPrefix(mediaType, "message/") {
		return p.body, "8bit", nil
	}
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	w.Binary = strings.Contains(p.body, "\r")
	if _, err := io.WriteString(w, p.body); err != nil {
		return "", "", fmt.Errorf("quoting user data: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", "", fmt.Errorf("quoting user data: %w", err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), "quoted-printable", nil
}
