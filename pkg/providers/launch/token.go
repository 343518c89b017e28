package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// claimHash is how many hex digits stand for a claim in a tag: 40 bits, so that among ten
	// thousand claims alive at a time two share one with a chance of one in 20,000, and the
	// worst that follows is that one waits for an instance that is the other's.
	claimHash = 10

	// MaxClaims is how many claims one call to EC2 may serve: their hashes, each with a space,
	// must fit a tag's value, which EC2 limits to 256 characters.
	MaxClaims = 20
)

// claimsTag is the tag value that names claims.
func claimsTag(claims []types.UID) string {
	hashes := make([]string, len(claims))
	for i, claim := range claims {
		hashes[i] = ClaimHash(claim)
	}
	return strings.Join(hashes, " ")
}

// ClaimHash is what stands for claim in the tag of an instance: ten hex digits.
func ClaimHash(claim types.UID) string {
	sum := sha256.Sum256([]byte(claim))
	return hex.EncodeToString(sum[:])[:claimHash]
}

// Names reports whether tag, an instance's launch-claims, names claim.
func Names(tag string, claim types.UID) bool {
	return slices.Contains(strings.Fields(tag), ClaimHash(claim))
}

// clientToken makes a repetition of the same request for the same attempt of the same claims
// the same call to EC2, in this process or in another. It is the hash of all that, so a
// request that differs is another call and not a mismatch. EC2 takes at most 64 ASCII
// characters.
func clientToken(input *ec2.CreateFleetInput, batch []attempt) (string, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return "", fmt.Errorf("hashing fleet request: %w", err)
	}
	sum := sha256.New()
	sum.Write(body)
	for _, a := range batch {
		sum.Write(fmt.Appendf(nil, "\n%s/%d", a.claim, a.number))
	}
	return "karpenter-" + hex.EncodeToString(sum.Sum(nil))[:48], nil
}
