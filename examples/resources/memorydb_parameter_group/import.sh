# By name, or by ARN.
terraform import memorydb_parameter_group.example example
terraform import memorydb_parameter_group.example arn:aws:memorydb:us-east-1:123456789012:parametergroup/example
