package provider

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	awstypes "github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// tagRules are the default tags and the ignored ones of the provider block.
type tagRules struct {
	defaults                   map[string]string
	ignoreKeys, ignorePrefixes []string
}

// ignored says whether a tag is none of Terraform's business. Tags that begin with aws: are AWS's own.
func (r tagRules) ignored(key string) bool {
	return strings.HasPrefix(key, "aws:") || slices.Contains(r.ignoreKeys, key) ||
		slices.ContainsFunc(r.ignorePrefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

// merge are the tags of a resource: its own over the defaults.
func (r tagRules) merge(own map[string]string) map[string]string {
	all := maps.Clone(r.defaults)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, own)
	return all
}

// split tells a resource's own tags from the defaults: those of all that are not a default's, or that the resource has had as its own (prior).
func (r tagRules) split(all, prior map[string]string) map[string]string {
	own := map[string]string{}
	for key, value := range all {
		_, had := prior[key]
		if byDefault, ok := r.defaults[key]; had || !ok || byDefault != value {
			own[key] = value
		}
	}
	return own
}

// planTags plans tags_all from tags and the defaults.
func (c *client) planTags(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var own types.Map
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("tags"), &own)...)
	if resp.Diagnostics.HasError() {
		return
	}
	all := types.MapUnknown(types.StringType)
	if known(own) {
		all = stringMap(c.tags.merge(goMap(own)))
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("tags_all"), all)...)
}

func known(m types.Map) bool {
	if m.IsUnknown() {
		return false
	}
	for _, v := range m.Elements() {
		if v.IsUnknown() {
			return false
		}
	}
	return true
}

// readTags reads the tags of a resource into its model.
func (c *client) readTags(ctx context.Context, m *commonModel) error {
	out, err := c.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: m.ARN.ValueStringPointer()})
	if err != nil {
		return err
	}
	all := map[string]string{}
	for _, t := range out.TagList {
		if key := aws.ToString(t.Key); !c.tags.ignored(key) {
			all[key] = aws.ToString(t.Value)
		}
	}
	own := c.tags.split(all, goMap(m.Tags))
	m.TagsAll = stringMap(all)
	if len(own) > 0 || !m.Tags.IsNull() {
		m.Tags = stringMap(own)
	}
	return nil
}

// updateTags makes the tags of a resource those of the plan; was is what they were.
func (c *client) updateTags(ctx context.Context, arn string, was, is types.Map) error {
	old, now := goMap(was), goMap(is)
	changed := map[string]string{}
	for key, value := range now {
		if had, ok := old[key]; !ok || had != value {
			changed[key] = value
		}
	}
	maps.DeleteFunc(old, func(key, _ string) bool { _, stays := now[key]; return stays })
	if err := c.untag(ctx, arn, old); err != nil {
		return err
	}
	if len(changed) == 0 {
		return nil
	}
	_, err := c.TagResource(ctx, &memorydb.TagResourceInput{ResourceArn: &arn, Tags: awsTags(changed)})
	return err
}

// untag removes tags, if they are there still: the call is refused as a whole for a tag that isn't.
func (c *client) untag(ctx context.Context, arn string, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	out, err := c.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: &arn})
	if err != nil {
		return err
	}
	var keys []string
	for _, t := range out.TagList {
		if _, gone := tags[aws.ToString(t.Key)]; gone {
			keys = append(keys, *t.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	_, err = c.UntagResource(ctx, &memorydb.UntagResourceInput{ResourceArn: &arn, TagKeys: keys})
	return err
}

// expandTags are the tags of a create call.
func expandTags(all types.Map) []awstypes.Tag { return awsTags(goMap(all)) }

func awsTags(m map[string]string) []awstypes.Tag {
	var out []awstypes.Tag
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, awstypes.Tag{Key: aws.String(key), Value: aws.String(m[key])})
	}
	return out
}
