# By name, or by ARN.
terraform import memorydb_subnet_group.example example
terraform import memorydb_subnet_group.example arn:aws:memorydb:us-east-1:123456789012:subnetgroup/example
