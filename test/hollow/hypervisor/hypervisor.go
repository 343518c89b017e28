// Package hypervisor gives awsfake what a real hypervisor gives EC2: an instance's console
// output, and takes from it which instances start, end or are told to reboot.
//
// It talks to the control of an awsfake server, below /_awsfake/ of the same address as the
// AWS API, and remembers nothing. It fails with what the server answered.
package hypervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/inventory"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// Control is an awsfake server's control.
type Control struct {
	base, region string
	client       *http.Client
}

// New returns the control of the server at base, for example "http://127.0.0.1:4579".
func New(base, region string) *Control {
	return &Control{base: strings.TrimSuffix(base, "/"), region: region, client: &http.Client{Timeout: 10 * time.Second}}
}

// SetConsole makes text the console output of an instance.
func (c *Control) SetConsole(ctx context.Context, id, text string) error {
	_, err := c.do(ctx, http.MethodPost, "console", url.Values{"region": {c.region}, "id": {id}}, strings.NewReader(text))
	return err
}

// Role returns credentials of the role that an instance has, for its metadata service.
func (c *Control) Role(ctx context.Context, id string) (*machine.Role, error) {
	body, err := c.do(ctx, http.MethodPost, "credentials", url.Values{"region": {c.region}, "id": {id}}, nil)
	if err != nil {
		return nil, err
	}
	var answer struct{ Role, AccessKeyID, SecretAccessKey, SessionToken string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	return &machine.Role{Name: answer.Role, AccessKeyID: answer.AccessKeyID, SecretAccessKey: answer.SecretAccessKey, SessionToken: answer.SessionToken}, nil
}

// Changes returns the instances that changed their state or were told to boot after the
// moment since, and the present moment; 0 is before everything.
func (c *Control) Changes(ctx context.Context, since uint64) ([]inventory.Change, uint64, error) {
	query := url.Values{"region": {c.region}, "since": {strconv.FormatUint(since, 10)}}
	body, err := c.do(ctx, http.MethodGet, "changes", query, nil)
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Now       uint64
		Instances []inventory.Change
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, 0, fmt.Errorf("reading changes: %w", err)
	}
	return answer.Instances, answer.Now, nil
}

func (c *Control) do(ctx context.Context, method, name string, query url.Values, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+"/_awsfake/"+name+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s: %s: %.200s", method, name, response.Status, answer)
	}
	return answer, nil
}
