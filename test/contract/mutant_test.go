package contract_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
)

// bug is one mistake of an AWS endpoint. It sits between the SDK and awsfake and changes what one action
// is asked, or what it answers.
type bug struct {
	action string
	// instead is the action that is done in its place.
	instead string
	ask     func(body string) string
	answer  func(body string) string
}

// mutant is awsfake with a bug.
func mutant(t *testing.T, b bug) string {
	t.Helper()
	healthy := awsfake.Start(t).Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		struck := actionOf(r, string(body)) == b.action
		if struck {
			body = []byte(b.asked(r, string(body)))
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer := httptest.NewRecorder()
		healthy.ServeHTTP(answer, r)
		text := answer.Body.String()
		if struck && b.answer != nil {
			text = b.answer(text)
		}
		header := answer.Header()
		for key := range header {
			w.Header().Set(key, header.Get(key))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(answer.Code)
		_, _ = io.WriteString(w, text) // a caller that went away notices by itself
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// actionOf is what a request asks for, in either protocol.
func actionOf(r *http.Request, body string) string {
	if _, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return action
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

// asked is the body that awsfake gets in place of body.
func (b bug) asked(r *http.Request, body string) string {
	if b.ask != nil {
		body = b.ask(body)
	}
	if b.instead == "" {
		return body
	}
	if service, _, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		r.Header.Set("X-Amz-Target", service+"."+b.instead)
		return body
	}
	return forms(func(f url.Values) { f.Set("Action", b.instead) })(body)
}

// forms edits the parameters of a query.
func forms(edit func(url.Values)) func(string) string {
	return func(body string) string {
		form, err := url.ParseQuery(body)
		if err != nil {
			return body
		}
		edit(form)
		return form.Encode()
	}
}

// without drops the parameters whose names match.
func without(names string) func(string) string {
	pattern := regexp.MustCompile(names)
	return forms(func(f url.Values) {
		for name := range f {
			if pattern.MatchString(name) {
				f.Del(name)
			}
		}
	})
}

// setting sets the parameters whose names match.
func setting(names, value string) func(string) string {
	pattern := regexp.MustCompile(names)
	return forms(func(f url.Values) {
		for name := range f {
			if pattern.MatchString(name) {
				f.Set(name, value)
			}
		}
	})
}

// replacing puts with in the place of what matches.
func replacing(match, with string) func(string) string {
	pattern := regexp.MustCompile(match)
	return func(body string) string { return pattern.ReplaceAllString(body, with) }
}
