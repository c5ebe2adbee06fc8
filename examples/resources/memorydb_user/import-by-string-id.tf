import {
  to = memorydb_user.example
  id = "example"
}
