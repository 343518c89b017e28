package awsfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

// Credentials are those that an instance's metadata service hands out.
type Credentials struct {
	Role            string // its name
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// Credentials begins a session of the role in the instance's profile, for its metadata
// service. It fails for an instance that has no role.
func (s *Server) Credentials(region, id string) (Credentials, error) {
	all, err := s.EC2.Instances(region)
	if err != nil {
		return Credentials{}, err
	}
	n := slices.IndexFunc(all, func(i ec2.Instance) bool { return i.ID == id })
	if n < 0 {
		return Credentials{}, fmt.Errorf("there is no instance %s in %s", id, region)
	}
	_, _, role, ok := s.IAM.InstanceProfile(all[n].Profile)
	if !ok || role == "" {
		return Credentials{}, fmt.Errorf("instance %s has no role: its instance profile is %q", id, all[n].Profile)
	}
	key := strings.ToUpper(strings.Replace(s.env.ID("ASIA"), "-", "", 1))
	s.Policy.AssumeAs(key, role, s.env.ARN("ec2", region, "instance/"+id))
	return Credentials{
		Role: role[strings.LastIndex(role, "/")+1:], AccessKeyID: key, SecretAccessKey: s.env.UUID(), SessionToken: s.env.UUID(),
	}, nil
}

func (s *Server) controlCredentials(r *http.Request) (any, error) {
	return s.Credentials(s.regionOf(r), r.URL.Query().Get("id"))
}
