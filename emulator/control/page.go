package control

import (
	"encoding/base64"
	"strings"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// tokenForm begins each token, so that a text that isn't one is refused.
const tokenForm = "1:"

// page is the part of items that a request asks for: those after the one that its token names, at most most of them, by default and at most spec.DefaultMaxResults. key names an item; items are in
// the order of their keys, so that items that come or go meanwhile move no others between pages. The token that is returned is nil when nothing is left.
func page[T any](items []T, key func(T) string, most *int32, token *string) ([]T, *string, error) {
	n := spec.DefaultMaxResults
	if most != nil {
		if *most < 1 {
			return nil, nil, invalid("MaxResults must be greater than 0.")
		}
		n = min(n, int(*most))
	}
	if token != nil && *token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		last, ok := strings.CutPrefix(string(raw), tokenForm)
		if err != nil || !ok {
			return nil, nil, invalid("The NextToken is not valid.")
		}
		from := 0
		for from < len(items) && key(items[from]) <= last {
			from++
		}
		items = items[from:]
	}
	if len(items) <= n {
		return items, nil, nil
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(tokenForm + key(items[n-1])))
	return items[:n], &next, nil
}
