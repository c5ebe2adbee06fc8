package provider

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// dataModel are the attributes of every data source, besides the one with the name.
type dataModel struct {
	ID   types.String `tfsdk:"id"`
	ARN  types.String `tfsdk:"arn"`
	Tags types.Map    `tfsdk:"tags"`
}

// schema is the schema of a data source: the name, what all have, and more.
func (b *dataSourceBase) schema(description string, more map[string]schema.Attribute) schema.Schema {
	all := map[string]schema.Attribute{
		"id":   computed("The name."),
		"arn":  computed("ARN of the " + b.noun + "."),
		"tags": schema.MapAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "All tags."},
		b.name: schema.StringAttribute{Required: true, Validators: []validator.String{reference()}, MarkdownDescription: "Name of the " + b.noun + "."},
	}
	maps.Copy(all, more)
	return schema.Schema{MarkdownDescription: description, Attributes: all}
}

func computed(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func computedNumber(description string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
}

func computedBool(description string) schema.BoolAttribute {
	return schema.BoolAttribute{Computed: true, MarkdownDescription: description}
}

func computedSet(description string) schema.SetAttribute {
	return schema.SetAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: description}
}

// describe fills what all data sources have.
func (c *client) describe(ctx context.Context, m *dataModel, name, arn *string) error {
	m.ID, m.ARN = types.StringPointerValue(name), types.StringPointerValue(arn)
	out, err := c.ListTags(ctx, &memorydb.ListTagsInput{ResourceArn: arn})
	if err != nil {
		return err
	}
	tags := map[string]string{}
	for _, t := range out.TagList {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	m.Tags = stringMap(tags)
	return nil
}
