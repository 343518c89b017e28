package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const metadataURL = "http://169.254.169.254/latest/"

// patience is how long the metadata service may be out of reach after a boot.
const patience = time.Minute

// metadata is the instance metadata service with a session token.
type metadata struct {
	client *http.Client
	token  string
}

// connect gets a token, as often as it takes while the network comes up.
func connect(ctx context.Context) (*metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m := &metadata{client: &http.Client{Timeout: 5 * time.Second}}
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		token, err := m.do(ctx, http.MethodPut, "api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600")
		if err == nil {
			m.token = string(token)
			return m, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("getting a metadata token: %w", err)
		case <-again.C:
		}
	}
}

// get returns what is at path; nothing where the service has nothing there.
func (m *metadata) get(ctx context.Context, path string) ([]byte, error) {
	body, err := m.do(ctx, http.MethodGet, path, "X-aws-ec2-metadata-token", m.token)
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	return body, err
}

var errNotFound = errors.New("404 Not Found")

func (m *metadata) do(ctx context.Context, method, path, header, value string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, metadataURL+path, strings.NewReader(""))
	if err != nil {
		return nil, err
	}
	request.Header.Set(header, value)
	response, err := m.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s %s: %w", method, path, errNotFound)
	default:
		return nil, fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return body, nil
}
