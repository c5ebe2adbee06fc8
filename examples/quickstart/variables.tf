variable "endpoint" {
  description = "URL of the emulator's management API."
  type        = string
  default     = "http://127.0.0.1:8480"
}

variable "access_key" {
  description = "Access key that the emulator was started with."
  type        = string
  default     = "test"
}

variable "secret_key" {
  description = "Secret of the access key."
  type        = string
  default     = "test"
  sensitive   = true
}

# Demonstration passwords, so that the quickstart needs no questions. Give your own: TF_VAR_app_password, TF_VAR_reader_password.
variable "app_password" {
  description = "Password of the user trading-app, 16 to 128 characters."
  type        = string
  default     = "quickstart-app-password"
  sensitive   = true
}

variable "reader_password" {
  description = "Password of the user trading-reader, 16 to 128 characters."
  type        = string
  default     = "quickstart-reader-password"
  sensitive   = true
}
