resource "memorydb_cluster" "example" {
  name                   = "example"
  node_type              = "db.t4g.small"
  num_shards             = 2
  num_replicas_per_shard = 1
  acl_name               = "open-access"
}

# A client connects to the configuration endpoint in cluster mode, over TLS.
output "endpoint" {
  value = "${memorydb_cluster.example.cluster_endpoint[0].address}:${memorydb_cluster.example.cluster_endpoint[0].port}"
}
