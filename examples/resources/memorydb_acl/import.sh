# By name, or by ARN.
terraform import memorydb_acl.example example
terraform import memorydb_acl.example arn:aws:memorydb:us-east-1:123456789012:acl/example
