data "memorydb_user" "example" {
  user_name = "example"
}
