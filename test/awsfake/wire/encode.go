package wire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
)

// Protocol is how a service's requests and answers look on the wire.
type Protocol int

// The protocols of the services Karpenter calls.
const (
	EC2    Protocol = iota // query in, XML out, lists flattened
	Query                  // query in, XML out, lists with a level "member" (IAM, STS)
	JSON10                 // X-Amz-Target and JSON 1.0 (SQS)
	JSON11                 // X-Amz-Target and JSON 1.1 (SSM, Pricing)

	RESTJSON // method and path name the action, JSON in and out (EKS, ARC)
)

// json reports whether requests and answers are JSON.
func (c *Call) json() bool {
	return c.protocol == JSON10 || c.protocol == JSON11 || c.protocol == RESTJSON
}

// inner marshals v's fields without an element around them.
func inner(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := xml.NewEncoder(&b).EncodeElement(v, xml.StartElement{Name: xml.Name{Local: "x"}}); err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	out := b.Bytes()
	out = bytes.TrimPrefix(out, []byte("<x>"))
	return bytes.TrimSuffix(out, []byte("</x>")), nil
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

type ec2Envelope struct {
	XMLName   xml.Name
	RequestID string `xml:"requestId"`
	Fields    []byte `xml:",innerxml"`
}

type queryEnvelope struct {
	XMLName  xml.Name
	Result   *queryResult
	Metadata metadata `xml:"ResponseMetadata"`
}

type queryResult struct {
	XMLName xml.Name
	Fields  []byte `xml:",innerxml"`
}

// success renders an answer; what it returns is the whole body.
func (c *Call) success(answer any) ([]byte, error) {
	if c.json() {
		body, err := json.Marshal(answer)
		if err != nil {
			return nil, fmt.Errorf("encoding %T: %w", answer, err)
		}
		return body, nil
	}
	fields, err := inner(answer)
	if err != nil {
		return nil, err
	}
	name := xml.Name{Space: c.namespace, Local: c.Action + "Response"}
	if c.protocol == EC2 {
		return xml.Marshal(ec2Envelope{XMLName: name, RequestID: c.RequestID, Fields: fields})
	}
	return xml.Marshal(queryEnvelope{
		XMLName:  name,
		Result:   &queryResult{XMLName: xml.Name{Local: c.Action + "Result"}, Fields: fields},
		Metadata: metadata{c.RequestID},
	})
}

type xmlError struct {
	Type    string `xml:"Type,omitempty"`
	Code    string
	Message string
}

type ec2Errors struct {
	XMLName   xml.Name   `xml:"Response"`
	Errors    []xmlError `xml:"Errors>Error"`
	RequestID string
}

type queryErrors struct {
	XMLName   xml.Name
	Error     xmlError
	RequestID string `xml:"RequestId"`
}

// failure renders e; what it returns is the whole body.
func (c *Call) failure(e *Error) ([]byte, error) {
	fault := "Sender"
	if e.status() >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	switch c.protocol {
	case EC2:
		return xml.Marshal(ec2Errors{Errors: []xmlError{{Code: e.Code, Message: e.Message}}, RequestID: c.RequestID})
	case Query:
		return xml.Marshal(queryErrors{
			XMLName:   xml.Name{Space: c.namespace, Local: "ErrorResponse"},
			Error:     xmlError{Type: fault, Code: e.Code, Message: e.Message},
			RequestID: c.RequestID,
		})
	default:
		return json.Marshal(map[string]string{"__type": c.namespace + "#" + e.Code, "message": e.Message})
	}
}

// write sends body; a caller that went away is no error of ours.
func (c *Call) write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	switch c.protocol {
	case JSON10:
		h.Set("Content-Type", "application/x-amz-json-1.0")
	case JSON11:
		h.Set("Content-Type", "application/x-amz-json-1.1")
	case RESTJSON:
		h.Set("Content-Type", "application/json")
	default:
		h.Set("Content-Type", "text/xml;charset=UTF-8")
	}
	h.Set("X-Amzn-Requestid", c.RequestID)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
