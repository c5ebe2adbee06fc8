resource "memorydb_parameter_group" "example" {
  name   = "example"
  family = "memorydb_redis7"

  parameter {
    name  = "maxmemory-policy"
    value = "volatile-lru"
  }

  parameter {
    name  = "activedefrag"
    value = "yes"
  }
}
