import {
  to = memorydb_parameter_group.example
  identity = {
    name = "example"
  }
}
