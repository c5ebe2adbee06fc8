import {
  to = memorydb_acl.example
  identity = {
    name = "example"
  }
}
