import {
  to = memorydb_parameter_group.example
  id = "example"
}
