package provider_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/openmemorydb/memorydb/provider"
)

var update = flag.Bool("update", false, "write docs/ from the provider's schemas and examples/")

// TestDocs compares docs/index.md, docs/resources and docs/data-sources with what the schemas and examples say. They are written by
//
//	go test ./provider -run TestDocs -update
func TestDocs(t *testing.T) {
	schemas, err := providerserver.NewProtocol6(provider.New("test")())().GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"index.md": providerPage(t, schemas.Provider)}
	for name, s := range schemas.ResourceSchemas {
		pages["resources/"+short(name)+".md"] = typePage(t, "Resource", name, s)
	}
	for name, s := range schemas.DataSourceSchemas {
		pages["data-sources/"+short(name)+".md"] = typePage(t, "Data Source", name, s)
	}
	docs := filepath.Join("..", "docs")
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		file := filepath.Join(docs, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(pages[name]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, []byte(pages[name])) {
			t.Errorf("%s is not what the schemas say: go test ./provider -run TestDocs -update (%v)", file, err)
		}
	}
	for _, folder := range []string{"resources", "data-sources"} {
		files, err := filepath.Glob(filepath.Join(docs, folder, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if name := folder + "/" + filepath.Base(f); pages[name] == "" {
				t.Errorf("%s documents nothing that the provider has: remove it", f)
			}
		}
	}
}

func short(name string) string { return strings.TrimPrefix(name, "memorydb_") }

// example is a file of examples/ as a code block, or nothing if there is none.
func example(t *testing.T, language string, path ...string) string {
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "examples"}, path...)...))
	if err != nil {
		t.Errorf("every page has an example: %v", err)
	}
	return "```" + language + "\n" + strings.TrimSpace(string(text)) + "\n```\n"
}

func front(title, description string) string {
	first, _, _ := strings.Cut(description, "\n")
	return fmt.Sprintf("---\npage_title: %q\nsubcategory: \"\"\ndescription: |-\n  %s\n---\n\n", title, first)
}

func providerPage(t *testing.T, s *tfprotov6.Schema) string {
	var b strings.Builder
	b.WriteString(front("MemoryDB Provider", s.Block.Description))
	b.WriteString("# MemoryDB Provider\n\n" + s.Block.Description + "\n\n## Example Usage\n\n" + example(t, "terraform", "provider", "provider.tf"))
	b.WriteString("\nA whole cluster with users, ACL and parameters is in [examples/quickstart](https://github.com/openmemorydb/memorydb/tree/main/examples/quickstart).\n\n")
	writeBlock(&b, s.Block, "## Schema")
	return b.String()
}

func typePage(t *testing.T, what, name string, s *tfprotov6.Schema) string {
	var b strings.Builder
	b.WriteString(front(fmt.Sprintf("%s %s - MemoryDB", name, what), s.Block.Description))
	fmt.Fprintf(&b, "# %s (%s)\n\n%s\n\n## Example Usage\n\n", name, what, s.Block.Description)
	if what == "Data Source" {
		b.WriteString(example(t, "terraform", "data-sources", name, "data-source.tf") + "\n")
		writeBlock(&b, s.Block, "## Schema")
		return b.String()
	}
	b.WriteString(example(t, "terraform", "resources", name, "resource.tf") + "\n")
	writeBlock(&b, s.Block, "## Schema")
	b.WriteString("\n## Import\n\nBy an import block with the identity (Terraform 1.12 or later):\n\n" + example(t, "terraform", "resources", name, "import-by-identity.tf"))
	b.WriteString("\nBy an import block with the name:\n\n" + example(t, "terraform", "resources", name, "import-by-string-id.tf"))
	b.WriteString("\nBy the command:\n\n" + example(t, "shell", "resources", name, "import.sh"))
	return b.String()
}

// nested is a block or a nested attribute, which gets a section of its own.
type nested struct {
	path string
	body *tfprotov6.SchemaBlock
}

// writeBlock writes the attributes of a block, those of nested ones below it.
func writeBlock(b *strings.Builder, block *tfprotov6.SchemaBlock, heading string) {
	b.WriteString(heading + "\n")
	var below []nested
	writeArguments(b, "", "### %s", block, &below)
	for len(below) > 0 {
		n := below[0]
		below = below[1:]
		fmt.Fprintf(b, "\n<a id=%q></a>\n### Nested Schema for `%s`\n", anchor(n.path), n.path)
		writeArguments(b, n.path+".", "%s:", n.body, &below)
	}
}

func anchor(path string) string { return "nestedblock--" + strings.ReplaceAll(path, ".", "--") }

// writeArguments writes one list each of what is required, optional and read-only; title is the form of their titles.
func writeArguments(b *strings.Builder, prefix, title string, block *tfprotov6.SchemaBlock, below *[]nested) {
	lists := map[string][]string{}
	add := func(list, line string) { lists[list] = append(lists[list], line) }
	for _, a := range block.Attributes {
		kind := "Read-Only"
		switch {
		case a.Required:
			kind = "Required"
		case a.Optional:
			kind = "Optional"
		}
		notes := typeName(a.Type)
		if a.NestedType != nil {
			notes = "Attributes" + nestings[a.NestedType.Nesting]
		}
		for _, n := range []struct {
			on   bool
			text string
		}{{a.Sensitive, "Sensitive"}, {a.WriteOnly, "Write-only"}, {a.Deprecated, "Deprecated"}} {
			if n.on {
				notes += ", " + n.text
			}
		}
		line := fmt.Sprintf("- `%s` (%s) %s", a.Name, notes, a.Description)
		if a.NestedType != nil {
			path := prefix + a.Name
			line += fmt.Sprintf(" (see [below for nested schema](#%s))", anchor(path))
			*below = append(*below, nested{path, &tfprotov6.SchemaBlock{Attributes: a.NestedType.Attributes}})
		}
		add(kind, line)
	}
	for _, n := range block.BlockTypes {
		path := prefix + n.TypeName
		add("Optional", fmt.Sprintf("- `%s` (Block%s) %s (see [below for nested schema](#%s))", n.TypeName, blockNestings[n.Nesting], n.Block.Description, anchor(path)))
		*below = append(*below, nested{path, n.Block})
	}
	for _, list := range []string{"Required", "Optional", "Read-Only"} {
		if lines := lists[list]; len(lines) > 0 {
			slices.SortFunc(lines, func(a, b string) int { return strings.Compare(argument(a), argument(b)) })
			fmt.Fprintf(b, "\n"+title+"\n\n%s\n", list, strings.Join(lines, "\n"))
		}
	}
}

// argument is the name at the beginning of a line.
func argument(line string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(line, "- `"), "`")
	return name
}

var nestings = map[tfprotov6.SchemaObjectNestingMode]string{
	tfprotov6.SchemaObjectNestingModeList: " List", tfprotov6.SchemaObjectNestingModeSet: " Set", tfprotov6.SchemaObjectNestingModeMap: " Map",
}

var blockNestings = map[tfprotov6.SchemaNestedBlockNestingMode]string{
	tfprotov6.SchemaNestedBlockNestingModeList: " List", tfprotov6.SchemaNestedBlockNestingModeSet: " Set", tfprotov6.SchemaNestedBlockNestingModeMap: " Map",
}

// typeName is a type as Terraform's documentation writes it.
func typeName(t tftypes.Type) string {
	switch t := t.(type) {
	case tftypes.List:
		return "List of " + typeName(t.ElementType)
	case tftypes.Set:
		return "Set of " + typeName(t.ElementType)
	case tftypes.Map:
		return "Map of " + typeName(t.ElementType)
	case tftypes.Object:
		return "Object"
	}
	switch {
	case t == nil:
		return ""
	case t.Is(tftypes.String):
		return "String"
	case t.Is(tftypes.Number):
		return "Number"
	case t.Is(tftypes.Bool):
		return "Boolean"
	}
	return t.String()
}
