import {
  to = memorydb_acl.example
  id = "example"
}
