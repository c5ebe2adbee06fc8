import {
  to = memorydb_subnet_group.example
  id = "example"
}
