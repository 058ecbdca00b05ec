variable "data" {
  description = "The outputs of the module data, which name stream, tables, key, secret and logs."
  type = object({
    application_name         = string
    stream_arn               = string
    stream_kms_key_arn       = string
    output_table_arn         = string
    quarantine_table_arn     = string
    lease_table_arn          = string
    worker_metrics_table_arn = string
    coordinator_table_arn    = string
    kms_key_arn              = string
    log_group_arn            = string
  })
}

variable "service" {
  description = "The outputs of the module service, which name service, cluster and roles."
  type = object({
    name               = string
    cluster_arn        = string
    service_arn        = string
    task_role_arn      = string
    execution_role_arn = string
  })
}

variable "write_mode" {
  description = "Setting output.write_mode. newest wants keys that records share, so a settings file as well."
  type        = string
  default     = "put"

  validation {
    condition     = contains(["put", "newest"], var.write_mode)
    error_message = "write_mode must be one of put, newest."
  }
}

variable "glue_schemas" {
  description = "Whether records have schemas of the Glue Schema Registry (setting stream.format), to be read."
  type        = bool
  default     = false
}

variable "sink_stream_arn" {
  description = <<-EOT
    Kinesis data stream that documents go to, too (setting sinks in the settings file). Null for none; for other
    sinks there is extra_policy_arns.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.sink_stream_arn == null || can(regex("^arn:[a-z-]+:kinesis:.+:stream/.+$", var.sink_stream_arn))
    error_message = "sink_stream_arn must be the ARN of a Kinesis data stream."
  }
}

variable "sink_kms_key_arn" {
  description = "Customer's KMS key of that stream. Null where it has none."
  type        = string
  default     = null

  validation {
    condition     = var.sink_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:.+:key/.+$", var.sink_kms_key_arn))
    error_message = "sink_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "keys_secret_arn" {
  description = "Secret with the keys of tokens and ciphertexts (setting redaction.keys). Null for none."
  type        = string
  default     = null

  validation {
    condition     = var.keys_secret_arn == null || can(regex("^arn:[a-z-]+:secretsmanager:.+$", var.keys_secret_arn))
    error_message = "keys_secret_arn must be the ARN of a secret."
  }
}

variable "keys_kms_key_arn" {
  description = "Customer's KMS key of keys_secret_arn. Null where it has none."
  type        = string
  default     = null

  validation {
    condition     = var.keys_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:.+:key/.+$", var.keys_kms_key_arn))
    error_message = "keys_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "key_wrapping_key_arn" {
  description = "KMS key that encrypts the keys inside of keys_secret_arn one by one. Null where nothing does."
  type        = string
  default     = null

  validation {
    condition     = var.key_wrapping_key_arn == null || can(regex("^arn:[a-z-]+:kms:.+:key/.+$", var.key_wrapping_key_arn))
    error_message = "key_wrapping_key_arn must be the ARN of a KMS key."
  }
}

variable "role_path" {
  description = "Path of the policies."
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9._=,@-]+/)*$", var.role_path))
    error_message = "role_path must be of the form /([A-Za-z0-9._=,@-]+/)*."
  }
}
