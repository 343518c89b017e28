package machine

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// metadataHost is where instance metadata is served, on every instance.
const metadataHost = "169.254.169.254"

// maxTokenTTL is the longest that an IMDSv2 token may live, six hours.
const maxTokenTTL = 21600

// metadata is the instance metadata service of one machine, version 2 and, unless tokens
// are required, version 1.
type metadata struct {
	facts Facts

	mu     sync.Mutex
	tokens map[string]time.Time
}

// NewMetadata returns the metadata service of one instance.
func NewMetadata(facts Facts) http.Handler {
	return &metadata{facts: facts, tokens: map[string]time.Time{}}
}

// ServeHTTP answers as EC2's service does.
func (s *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/latest")
	switch {
	case s.facts.MetadataDisabled:
		http.Error(w, "", http.StatusForbidden)
	case path == "/api/token":
		s.token(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "", http.StatusMethodNotAllowed)
	case !s.allowed(r):
		http.Error(w, "", http.StatusUnauthorized)
	default:
		s.get(w, path)
	}
}

func (s *metadata) token(w http.ResponseWriter, r *http.Request) {
	ttl, err := strconv.Atoi(r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
	switch {
	case r.Method != http.MethodPut:
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	case r.Header.Get("X-Forwarded-For") != "":
		http.Error(w, "", http.StatusForbidden)
		return
	case err != nil || ttl < 1 || ttl > maxTokenTTL:
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	var raw [20]byte
	if _, err := rand.Read(raw[:]); err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	token := hex.EncodeToString(raw[:])
	s.mu.Lock()
	s.tokens[token] = time.Now().Add(time.Duration(ttl) * time.Second)
	s.mu.Unlock()
	w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", strconv.Itoa(ttl))
	_, _ = fmt.Fprint(w, token)
}

// allowed reports whether a request has a live token, or none where none is needed.
func (s *metadata) allowed(r *http.Request) bool {
	token := r.Header.Get("X-Aws-Ec2-Metadata-Token")
	if token == "" {
		return !s.facts.TokensRequired
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.tokens[token])
}

func (s *metadata) get(w http.ResponseWriter, path string) {
	if path == "/user-data" {
		if len(s.facts.UserData) == 0 {
			http.NotFound(w, nil)
			return
		}
		_, _ = w.Write(s.facts.UserData)
		return
	}
	if path == "/dynamic/instance-identity/document" {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"instanceId": s.facts.ID, "instanceType": s.facts.Type, "region": s.facts.Region, "availabilityZone": s.facts.Zone,
			"privateIp": s.facts.PrivateIP.String(), "imageId": s.facts.ImageID, "architecture": map[string]string{"amd64": "x86_64", "arm64": "arm64"}[s.facts.Arch],
		})
		return
	}
	key, ok := strings.CutPrefix(path, "/meta-data")
	if !ok {
		http.NotFound(w, nil)
		return
	}
	values := s.values()
	key = strings.TrimPrefix(key, "/")
	if value, ok := values[strings.TrimSuffix(key, "/")]; ok && value != "" {
		_, _ = fmt.Fprint(w, value)
		return
	}
	below := listing(values, key)
	if len(below) == 0 {
		http.NotFound(w, nil)
		return
	}
	_, _ = fmt.Fprint(w, strings.Join(below, "\n"))
}

// listing returns the names directly below a key, those with more below ending in a slash.
func listing(values map[string]string, key string) []string {
	prefix := strings.TrimSuffix(key, "/") + "/"
	if key == "" {
		prefix = ""
	}
	below := map[string]bool{}
	for name, value := range values {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || value == "" {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		if deeper {
			first += "/"
		}
		below[first] = true
	}
	return slices.Sorted(maps.Keys(below))
}

func (s *metadata) values() map[string]string {
	f := s.facts
	mac := "network/interfaces/macs/" + f.MAC + "/"
	values := map[string]string{
		"ami-id": f.ImageID, "instance-id": f.ID, "instance-type": f.Type, "local-hostname": f.PrivateDNS, "hostname": f.PrivateDNS,
		"local-ipv4": f.PrivateIP.String(), "mac": f.MAC, "placement/availability-zone": f.Zone, "placement/region": f.Region,
		"instance-life-cycle": map[bool]string{true: "spot", false: "on-demand"}[f.Spot], "instance-action": "none", "services/domain": "amazonaws.com", "services/partition": "aws",
		"security-groups": strings.Join(f.SecurityGroups, "\n"), "reservation-id": "r-" + strings.TrimPrefix(f.ID, "i-"),
		mac + "subnet-id": f.SubnetID, mac + "vpc-id": f.VPCID, mac + "interface-id": f.InterfaceID, mac + "local-ipv4s": f.PrivateIP.String(),
		mac + "mac": f.MAC, mac + "device-number": "0", mac + "security-group-ids": strings.Join(f.SecurityGroupIDs, "\n"),
	}
	if f.ProfileARN != "" {
		values["iam/info"] = fmt.Sprintf(`{"Code":"Success","InstanceProfileArn":%q,"InstanceProfileId":%q}`, f.ProfileARN, f.ProfileID)
	}
	if f.Role != nil {
		values["iam/security-credentials/"+f.Role.Name] = fmt.Sprintf(
			"{\n  \"Code\" : \"Success\",\n  \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : %q,\n  \"SecretAccessKey\" : %q,\n  \"Token\" : %q\n}",
			f.Role.AccessKeyID, f.Role.SecretAccessKey, f.Role.SessionToken)
	}
	if f.TagsInMetadata {
		for key, value := range f.Tags {
			values["tags/instance/"+key] = value
		}
	}
	return values
}
