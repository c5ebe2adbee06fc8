data "memorydb_subnet_group" "example" {
  name = "example"
}
