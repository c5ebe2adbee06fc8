output "endpoint" {
  description = "Where clients connect in cluster mode, HOST:PORT, over TLS."
  value       = "${memorydb_cluster.sessions.cluster_endpoint[0].address}:${memorydb_cluster.sessions.cluster_endpoint[0].port}"
}

output "app_user" {
  description = "User of the application."
  value       = memorydb_user.app.user_name
}

output "app_password" {
  description = "Password of that user."
  value       = var.app_password
  sensitive   = true
}
