import {
  to = memorydb_cluster.example
  identity = {
    name = "example"
  }
}
