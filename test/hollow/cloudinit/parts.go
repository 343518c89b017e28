package cloudinit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
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

// The types of parts that are run.
const (
	Script      = "text/x-shellscript"
	CloudConfig = "text/cloud-config"
	BootHook    = "text/cloud-boothook"
)

// maxUnpacked bounds what gzip may unpack to, far above the 16 KiB that EC2 lets through packed.
const maxUnpacked = 8 << 20

// Part is one part of user data.
type Part struct {
	Type string
	// Name is the file name that the part gives, or part-001 and on.
	Name string
	Body []byte
}

// Parse splits user data, as EC2 has it after base64, into its parts. It fails on a MIME
// archive or gzip stream that cannot be read and on data of no known kind; the parts
// before the fault are returned with the error.
func Parse(data []byte) ([]Part, error) {
	data, err := unpack(data)
	if err != nil {
		return nil, err
	}
	parts, err := split(data, textproto.MIMEHeader{})
	for i := range parts {
		if parts[i].Name == "" {
			parts[i].Name = fmt.Sprintf("part-%03d", i+1)
		}
	}
	return parts, err
}

// unpack undoes gzip where the data is packed.
func unpack(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpacking user data: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking user data: %w", err)
	}
	if len(plain) > maxUnpacked {
		return nil, fmt.Errorf("unpacking user data: larger than %d bytes", maxUnpacked)
	}
	return plain, nil
}

// split returns the parts of data, whose own header, when it is a part itself, is header.
func split(data []byte, header textproto.MIMEHeader) ([]Part, error) {
	body := bytes.TrimLeft(data, "\r\n\t ")
	if isArchive(body) {
		message, err := mail.ReadMessage(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("reading MIME header of user data: %w", err)
		}
		return archive(message.Body, textproto.MIMEHeader(message.Header))
	}
	if declared, _, _ := mime.ParseMediaType(header.Get("Content-Type")); strings.HasPrefix(declared, "multipart/") {
		return archive(bytes.NewReader(data), header)
	}
	kind := typeOf(body, header)
	if kind == "" {
		if len(body) == 0 {
			return nil, nil
		}
		return nil, fmt.Errorf("unhandled non-multipart (text/x-not-multipart) user data: it begins with %.40q", body)
	}
	_, params, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	return []Part{{Type: kind, Name: params["filename"], Body: body}}, nil
}

// isArchive reports whether data begins with a MIME header, which may come in any order and case.
func isArchive(data []byte) bool {
	head, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(data))).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	kind := strings.ToLower(head.Get("Content-Type"))
	return strings.HasPrefix(kind, "multipart/") || (head.Get("Mime-Version") != "" && kind != "")
}

func archive(body io.Reader, header textproto.MIMEHeader) ([]Part, error) {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("reading content type of user data: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		data, err := decode(body, header)
		if err != nil {
			return nil, err
		}
		return split(data, header)
	}
	if params["boundary"] == "" {
		return nil, errors.New("reading user data: multipart archive without boundary")
	}
	reader := multipart.NewReader(body, params["boundary"])
	var parts []Part
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return parts, fmt.Errorf("reading part %d of user data: %w", len(parts)+1, err)
		}
		data, err := decode(part, part.Header)
		if err != nil {
			return parts, fmt.Errorf("reading part %d of user data: %w", len(parts)+1, err)
		}
		inner, err := split(data, part.Header)
		parts = append(parts, inner...)
		if err != nil {
			return parts, fmt.Errorf("reading part %d of user data: %w", len(parts)+1, err)
		}
	}
}

func decode(body io.Reader, header textproto.MIMEHeader) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return unpack(data)
}

// typeOf tells what a part is, by its first line where that says it and else by its header.
func typeOf(body []byte, header textproto.MIMEHeader) string {
	for prefix, kind := range map[string]string{"#!": Script, "#cloud-config": CloudConfig, "#cloud-boothook": BootHook} {
		if bytes.HasPrefix(body, []byte(prefix)) {
			return kind
		}
	}
	declared, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if slices.Contains([]string{Script, CloudConfig, BootHook}, declared) {
		return declared
	}
	return ""
}
