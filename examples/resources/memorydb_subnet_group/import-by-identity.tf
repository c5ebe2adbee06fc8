import {
  to = memorydb_subnet_group.example
  identity = {
    name = "example"
  }
}
