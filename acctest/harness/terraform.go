package harness

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoTerraform is returned when this machine has neither terraform nor tofu.
var ErrNoTerraform = errors.New("no terraform or tofu: put one on PATH, name one by TF_ACC_TERRAFORM_PATH, or build one with `make terraform`")

// Terraform is the path of the terraform or tofu that tests use: TF_ACC_TERRAFORM_PATH, one on PATH, or bin/tofu in the root of the repository, which `make terraform` builds.
func Terraform(root string) (string, error) {
	for _, name := range []string{os.Getenv("TF_ACC_TERRAFORM_PATH"), "terraform", "tofu", filepath.Join(root, "bin", "tofu")} {
		if found, err := exec.LookPath(name); name != "" && err == nil {
			return filepath.Abs(found)
		}
	}
	return "", ErrNoTerraform
}

// IsTofu says whether a binary is OpenTofu, whose default registry is another one.
func IsTofu(binary string) bool { return strings.Contains(filepath.Base(binary), "tofu") }
