variable "password" {
  type      = string
  ephemeral = true
}

# A password that is never written to a state or a plan. A new one is sent when passwords_wo_version changes.
resource "memorydb_user" "example" {
  user_name     = "example"
  access_string = "on ~app:* resetchannels -@all +@read +@write +@connection"

  authentication_mode {
    type                 = "password"
    passwords_wo         = [var.password]
    passwords_wo_version = 1
  }
}

# A user that signs in with the credentials of its AWS role.
resource "memorydb_user" "iam" {
  user_name     = "example-iam"
  access_string = "on ~* &* +@all"

  authentication_mode {
    type = "iam"
  }
}
