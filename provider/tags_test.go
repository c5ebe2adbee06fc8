package provider

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultTagsAndOwnTags(t *testing.T) {
	rules := tagRules{defaults: map[string]string{"team": "a", "env": "dev"}, ignoreKeys: []string{"owner"}, ignorePrefixes: []string{"k8s:"}}
	type tags = map[string]string
	all := rules.merge(tags{"env": "prod", "app": "x"})
	if diff := cmp.Diff(tags{"team": "a", "env": "prod", "app": "x"}, all); diff != "" {
		t.Errorf("own tags win: %s", diff)
	}
	for name, c := range map[string]struct{ all, prior, want tags }{
		"defaults are not own":                      {tags{"team": "a", "env": "dev", "app": "x"}, nil, tags{"app": "x"}},
		"a default's key with another value is":     {tags{"team": "b"}, nil, tags{"team": "b"}},
		"what was own stays own, as its default":    {tags{"team": "a"}, tags{"team": "a"}, tags{"team": "a"}},
		"what somebody else has added is own":       {tags{"team": "a", "new": "1"}, tags{}, tags{"new": "1"}},
		"what somebody else has removed is not":     {tags{"team": "a"}, tags{"app": "x"}, tags{}},
		"what somebody else has changed is changed": {tags{"app": "y"}, tags{"app": "x"}, tags{"app": "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, rules.split(c.all, c.prior)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for key, want := range map[string]bool{"aws:cloudformation:stack": true, "owner": true, "k8s:pod": true, "owners": false, "app": false} {
		if got := rules.ignored(key); got != want {
			t.Errorf("ignored(%q) = %t", key, got)
		}
	}
}
