data "memorydb_parameter_group" "example" {
  name = "example"
}
