resource "memorydb_subnet_group" "example" {
  name       = "example"
  subnet_ids = ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"]
}
