package ec2

import (
	"encoding/base64"
	"fmt"
	"sort"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// listInput is what the Describe calls have in common.
type listInput struct {
	DryRun     bool
	Filter     []filter
	MaxResults *int
	NextToken  string
}

// paged are EC2's limits of a call's MaxResults. whole is the page when the caller names no
// size; 0 is everything.
type paged struct{ least, most, whole int }

// page cuts the next page out of items, which are ordered by key. It returns the token
// of the page after, empty when there is none. Keys stay true when items come and go in between.
func page[T any](items []T, key func(T) int, in listInput, limit paged) ([]T, string, error) {
	size, err := limit.size(in.MaxResults)
	if err != nil {
		return nil, "", err
	}
	if in.NextToken != "" {
		after, err := parseToken(in.NextToken)
		if err != nil {
			return nil, "", err
		}
		items = items[sort.Search(len(items), func(i int) bool { return key(items[i]) > after }):]
	}
	if size == 0 || len(items) <= size {
		return items, "", nil
	}
	return items[:size], token(key(items[size-1])), nil
}

func (p paged) size(asked *int) (int, error) {
	switch {
	case asked == nil:
		return p.whole, nil
	case *asked < p.least:
		return 0, wire.Errorf("InvalidParameterValue",
			"Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than or equal to %d.", *asked, p.least)
	case *asked > p.most:
		return 0, wire.Errorf("InvalidParameterValue",
			"Value ( %d ) for parameter maxResults is invalid. Expecting a value less than or equal to %d.", *asked, p.most)
	default:
		return *asked, nil
	}
}

// created is the usual key for page.
func created[T resource](item T) int { return item.meta().seq }

func token(after int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "after:%d", after))
}

func parseToken(text string) (int, error) {
	var after int
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "after:%d", &after)
	}
	if err != nil {
		return 0, wire.Errorf("InvalidParameterValue", "Unable to parse pagination token %q", text)
	}
	return after, nil
}
