resource "memorydb_user" "member" {
  user_name     = "member"
  access_string = "on ~* &* +@all"

  authentication_mode {
    type      = "password"
    passwords = ["an-example-password"]
  }
}

resource "memorydb_acl" "example" {
  name       = "example"
  user_names = [memorydb_user.member.user_name]
}
