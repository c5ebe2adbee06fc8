# By name, or by ARN.
terraform import memorydb_cluster.example example
terraform import memorydb_cluster.example arn:aws:memorydb:us-east-1:123456789012:cluster/example
