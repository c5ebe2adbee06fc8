# By name, or by ARN.
terraform import memorydb_user.example example
terraform import memorydb_user.example arn:aws:memorydb:us-east-1:123456789012:user/example
