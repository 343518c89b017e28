// Package hypervisor gives awsfake what a real hypervisor gives EC2: an instance's console
// output, and takes from it when an instance is told to reboot.
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
	"strings"
	"time"
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

// Boots returns when each instance was last told to boot. A server that does not say so
// gives no times, and then no reboots are seen.
func (c *Control) Boots(ctx context.Context) (map[string]time.Time, error) {
	body, err := c.do(ctx, http.MethodGet, "instances", url.Values{"region": {c.region}}, nil)
	if err != nil {
		return nil, err
	}
	var instances []struct {
		ID       string
		LastBoot time.Time
	}
	if err := json.Unmarshal(body, &instances); err != nil {
		return nil, fmt.Errorf("reading instances: %w", err)
	}
	boots := map[string]time.Time{}
	for _, i := range instances {
		boots[i.ID] = i.LastBoot
	}
	return boots, nil
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
