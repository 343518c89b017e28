package v1

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"
)

// InstanceProfileName is the name of the instance profile that Karpenter makes for the
// class's role: "<cluster>_<number>". The same class and role always give the same name,
// so that a profile whose creation was not recorded is found again rather than made twice.
func (in *EC2NodeClass) InstanceProfileName(clusterName, region string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{region, in.Name, string(in.UID), in.Spec.Role}, "\x00")))
	return fmt.Sprintf("%s_%d", clusterName, binary.BigEndian.Uint64(sum[:8]))
}

// LegacyInstanceProfileName is the name that AWS provider versions before 1.7 gave the
// profile of the class. It is only ever deleted.
func (in *EC2NodeClass) LegacyInstanceProfileName(clusterName, region string) string {
	sum := fnv.New64()
	sum.Write([]byte(region + in.Name)) // a hash.Hash never fails to be written to
	return fmt.Sprintf("%s_%d", clusterName, sum.Sum64())
}

// InstanceProfilePath is the IAM path under which all profiles made for the class lie:
// "/karpenter/<region>/<cluster>/<uid of the class>/". IAM policies compare it.
func (in *EC2NodeClass) InstanceProfilePath(clusterName, region string) string {
	return fmt.Sprintf("/karpenter/%s/%s/%s/", region, clusterName, in.UID)
}
