data "memorydb_cluster" "example" {
  name = "example"
}
