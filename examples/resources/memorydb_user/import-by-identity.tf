import {
  to = memorydb_user.example
  identity = {
    user_name = "example"
  }
}
