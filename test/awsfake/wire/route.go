package wire

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// route finds the action of a request whose method and path name it. Its members are those
// of the body, of the query and of the path together, in one JSON object.
func (c *Call) route(r *http.Request, body []byte, routes map[string]string) error {
	members := map[string]any{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &members); err != nil {
			return Errorf("SerializationException", "%v", err)
		}
	}
	for name, values := range r.URL.Query() {
		members[name] = values[0]
	}
	for pattern, action := range routes {
		found, ok := matchPath(pattern, r.Method+" "+r.URL.EscapedPath())
		if !ok {
			continue
		}
		for name, value := range found {
			members[name] = value
		}
		c.Action = action
		var err error
		c.Body, err = json.Marshal(members)
		return err
	}
	c.Action = r.Method + " " + r.URL.Path
	return c.unknownAction()
}

// matchPath returns the values of the pattern's segments in braces. A slash in a value is escaped.
func matchPath(pattern, request string) (map[string]string, bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(request, "/")
	if len(want) != len(have) {
		return nil, false
	}
	found := map[string]string{}
	for i, segment := range want {
		value, err := url.PathUnescape(have[i])
		if err != nil {
			return nil, false
		}
		name, variable := strings.CutPrefix(segment, "{")
		if variable {
			found[strings.TrimSuffix(name, "}")] = value
		} else if segment != value {
			return nil, false
		}
	}
	return found, true
}
