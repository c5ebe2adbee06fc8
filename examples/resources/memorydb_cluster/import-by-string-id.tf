import {
  to = memorydb_cluster.example
  id = "example"
}
