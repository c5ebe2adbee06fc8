// The Terraform provider memorydb, as a plugin that terraform or tofu starts. The database is in engine, the service in emulator.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	memorydb "github.com/openmemorydb/memorydb/provider"
)

// address is the provider's address in the public registry.
const address = "registry.terraform.io/openmemorydb/memorydb"

// version is set by the linker in releases.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve to a debugger: print TF_REATTACH_PROVIDERS and wait")
	show := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *show {
		fmt.Println("terraform-provider-memorydb", version)
		return
	}
	opts := providerserver.ServeOpts{Address: address, Debug: *debug}
	if err := providerserver.Serve(context.Background(), memorydb.New(version), opts); err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-memorydb:", err)
		os.Exit(1)
	}
}
