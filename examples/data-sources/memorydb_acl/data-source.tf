data "memorydb_acl" "example" {
  name = "example"
}
