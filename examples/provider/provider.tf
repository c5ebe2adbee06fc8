terraform {
  required_providers {
    memorydb = {
      source = "openmemorydb/memorydb"
    }
  }
}

# The emulator on this machine. Without endpoint, access_key and secret_key it is Amazon MemoryDB with the credentials that AWS's own tools find.
provider "memorydb" {
  endpoint   = "http://127.0.0.1:8480"
  region     = "us-east-1"
  access_key = "test"
  secret_key = "test"

  default_tags {
    tags = {
      team = "sessions"
    }
  }
}
