package control

import (
	"encoding/base64"

	"github.com/openmemorydb/memorydb/emulator/spec"
)

// page is the part of items that a request asks for: those after the one that its token names, at most max of them. key names an item; items are in a stable order. The token
// that is returned is nil when nothing is left.
func page[T any](items []T, key func(T) string, max *int32, token *string) ([]T, *string, error) {
	n := spec.DefaultMaxResults
	if max != nil {
		if *max < 1 {
			return nil, nil, invalid("MaxResults must be greater than 0.")
		}
		n = int(*max)
	}
	if token != nil && *token != "" {
		last, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(last) == 0 {
			return nil, nil, invalid("The NextToken is not valid.")
		}
		from := len(items)
		for i, it := range items {
			if key(it) > string(last) {
				from = i
				break
			}
		}
		items = items[from:]
	}
	if len(items) <= n {
		return items, nil, nil
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(key(items[n-1])))
	return items[:n], &next, nil
}
