terraform {
  required_providers {
    memorydb = {
      source = "openmemorydb/memorydb"
    }
  }
}

provider "memorydb" {
  endpoint   = var.endpoint
  region     = "us-east-1"
  access_key = var.access_key
  secret_key = var.secret_key

  default_tags {
    tags = {
      project = "quickstart"
    }
  }
}

# The subnets whose addresses the nodes get. The emulator has no VPCs: any ids do.
resource "memorydb_subnet_group" "trading" {
  name       = "trading"
  subnet_ids = ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"]
}

# Settings of the engine. A change reaches the cluster at once, without a restart.
resource "memorydb_parameter_group" "trading" {
  name   = "trading"
  family = "memorydb_redis7"

  parameter {
    name  = "maxmemory-policy"
    value = "volatile-lru"
  }

  parameter {
    name  = "slowlog-log-slower-than"
    value = "5000"
  }
}

# The application may do everything.
resource "memorydb_user" "app" {
  user_name     = "trading-app"
  access_string = "on ~* &* +@all"

  authentication_mode {
    type      = "password"
    passwords = [var.app_password]
  }
}

# The dashboard may read, and find its way through the cluster.
resource "memorydb_user" "reader" {
  user_name     = "trading-reader"
  access_string = "on ~* resetchannels -@all +@read +@connection +cluster|slots +cluster|shards +cluster|nodes"

  authentication_mode {
    type      = "password"
    passwords = [var.reader_password]
  }
}

resource "memorydb_acl" "trading" {
  name       = "trading"
  user_names = [memorydb_user.app.user_name, memorydb_user.reader.user_name]
}

# Two shards, each a primary and a replica. TLS is on unless it is switched off.
resource "memorydb_cluster" "sessions" {
  name                   = "trading-sessions"
  description            = "Sessions of the trading application"
  node_type              = "db.t4g.small"
  engine                 = "redis"
  engine_version         = "7.1"
  num_shards             = 2
  num_replicas_per_shard = 1
  acl_name               = memorydb_acl.trading.name
  subnet_group_name      = memorydb_subnet_group.trading.name
  parameter_group_name   = memorydb_parameter_group.trading.name
  maintenance_window     = "sun:03:00-sun:04:00"
}
