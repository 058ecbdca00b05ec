variable "application_name" {
  description = <<-EOT
    KCL application, which names the lease tables and the log group. Workers of one application share the
    stream; another application is another data module, and reads all of the stream anew.
  EOT
  type        = string
  default     = "kinesis-sanitizer"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,100}$", var.application_name))
    error_message = "application_name must be of the form [A-Za-z0-9_.-]{3,100}."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept (PCI DSS 10.5.1 asks for twelve months)."
  type        = number
  default     = 400

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "create_stream" {
  description = "Whether this module makes the stream; false goes by an existing one."
  type        = bool
  default     = true
}

variable "stream_name" {
  description = "Kinesis data stream of this account and region, to be made or existing."
  type        = string
  default     = "transactions"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,128}$", var.stream_name))
    error_message = "stream_name must be of the form [A-Za-z0-9_.-]{1,128}."
  }
}

variable "stream_mode" {
  description = <<-EOT
    Of a stream that is made. PROVISIONED has shard_count shards; ON_DEMAND begins with 4 MB/s or 4,000
    records/s and grows to twice its last peak.
  EOT
  type        = string
  default     = "PROVISIONED"

  validation {
    condition     = contains(["PROVISIONED", "ON_DEMAND"], var.stream_mode)
    error_message = "stream_mode must be one of PROVISIONED, ON_DEMAND."
  }

  validation {
    condition     = var.create_stream || var.stream_mode == "PROVISIONED"
    error_message = "stream_mode says nothing of a stream that exists (create_stream is false)."
  }
}

variable "shard_count" {
  description = <<-EOT
    Shards of a provisioned stream. Each takes 1 MB/s or 1,000 records/s; leave room for uneven keys.
  EOT
  type        = number
  default     = 2

  validation {
    condition     = var.shard_count >= 1
    error_message = "shard_count must be 1 or more."
  }
}

variable "retention_hours" {
  description = <<-EOT
    How long a stream that is made keeps records: the time there is for mending whatever stops the reading.
    Whoever lengthens it by hand says so here in the same hour, else the next update shortens it again.
  EOT
  type        = number
  default     = 72

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours must be between 24 and 8760."
  }
}

variable "stream_kms_key_arn" {
  description = <<-EOT
    Customer's KMS key of the stream. Null where an existing stream has none; one that is made has kms_key_arn
    then.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.stream_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:.+:key/.+$", var.stream_kms_key_arn))
    error_message = "stream_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "create_tables" {
  description = <<-EOT
    Whether this module makes the five tables; false goes by existing ones (made by `sanitizer tables create`,
    restored from a backup, or still another state's).
  EOT
  type        = bool
  default     = true

  validation {
    condition = (
      var.create_tables || (
        var.output_billing_mode == "PAY_PER_REQUEST" && var.output_warm_write_units == 0 &&
        var.output_max_write_units == 0 && var.second_index == "NONE"
      )
    )
    error_message = "Capacity and index of tables that exist (create_tables is false) are changed where they were made."
  }
}

variable "output_table_name" {
  description = "Table of the sanitised documents."
  type        = string
  default     = "sanitized-transactions"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.output_table_name))
    error_message = "output_table_name must be of the form [A-Za-z0-9_.-]{3,255}."
  }
}

variable "quarantine_table_name" {
  description = "Table of the records that could not be processed, without their content."
  type        = string
  default     = "sanitizer-quarantine"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.quarantine_table_name))
    error_message = "quarantine_table_name must be of the form [A-Za-z0-9_.-]{3,255}."
  }
}

variable "second_index" {
  description = <<-EOT
    Whether the output table has the second index of the setting output.index, and whether that has a sort key.
    It costs a second write for each document.
  EOT
  type        = string
  default     = "NONE"

  validation {
    condition     = contains(["NONE", "PARTITION", "PARTITION_AND_SORT"], var.second_index)
    error_message = "second_index must be one of NONE, PARTITION, PARTITION_AND_SORT."
  }
}

variable "output_billing_mode" {
  description = <<-EOT
    Of the output table. Provisioned capacity, which follows the load, costs less where the load is even.
  EOT
  type        = string
  default     = "PAY_PER_REQUEST"

  validation {
    condition     = contains(["PAY_PER_REQUEST", "PROVISIONED"], var.output_billing_mode)
    error_message = "output_billing_mode must be one of PAY_PER_REQUEST, PROVISIONED."
  }
}

variable "output_read_capacity" {
  description = "Read capacity units of a provisioned output table at least."
  type        = number
  default     = 100

  validation {
    condition     = var.output_read_capacity >= 1
    error_message = "output_read_capacity must be 1 or more."
  }
}

variable "output_max_read_capacity" {
  description = "Read capacity units of a provisioned output table at most."
  type        = number
  default     = 400

  validation {
    condition     = var.output_max_read_capacity >= 1
    error_message = "output_max_read_capacity must be 1 or more."
  }

  validation {
    condition     = var.output_max_read_capacity >= var.output_read_capacity
    error_message = "output_max_read_capacity must be output_read_capacity or more."
  }
}

variable "output_write_capacity" {
  description = "Write capacity units of a provisioned output table at least; a document of up to 1 KB takes one."
  type        = number
  default     = 1500

  validation {
    condition     = var.output_write_capacity >= 1
    error_message = "output_write_capacity must be 1 or more."
  }
}

variable "output_max_write_capacity" {
  description = "Write capacity units of a provisioned output table at most."
  type        = number
  default     = 6000

  validation {
    condition     = var.output_max_write_capacity >= 1
    error_message = "output_max_write_capacity must be 1 or more."
  }

  validation {
    condition     = var.output_max_write_capacity >= var.output_write_capacity
    error_message = "output_max_write_capacity must be output_write_capacity or more."
  }
}

variable "output_warm_read_units" {
  description = <<-EOT
    Warm throughput of the output table in read units a second, said with output_warm_write_units. No less than
    the table has by now (`aws dynamodb describe-table`): DynamoDB refuses to lower it.
  EOT
  type        = number
  default     = 12000

  validation {
    condition     = var.output_warm_read_units >= 12000
    error_message = "output_warm_read_units must be 12000 or more."
  }
}

variable "output_warm_write_units" {
  description = <<-EOT
    Warm throughput of the output table in write units a second, paid for once; it can be raised, never lowered.
    0 for DynamoDB's own 4,000.
  EOT
  type        = number
  default     = 0

  validation {
    condition     = var.output_warm_write_units >= 0
    error_message = "output_warm_write_units must be 0 or more."
  }

  validation {
    condition     = var.output_warm_write_units == 0 || var.output_warm_write_units >= 4000
    error_message = "output_warm_write_units must be 0, or no less than the 4000 that each table has."
  }
}

variable "output_max_write_units" {
  description = <<-EOT
    Write units a second that an on-demand output table takes at most, as a bound on its cost; the rest waits in
    the stream. 0 for no bound.
  EOT
  type        = number
  default     = 0

  validation {
    condition     = var.output_max_write_units >= 0
    error_message = "output_max_write_units must be 0 or more."
  }

  validation {
    condition     = var.output_billing_mode == "PAY_PER_REQUEST" || var.output_max_write_units == 0
    error_message = "output_max_write_units bounds an on-demand table; a provisioned one has output_max_write_capacity."
  }
}

variable "kms_key_arn" {
  description = <<-EOT
    KMS key for stream, tables, logs and secret, whose policy lets CloudWatch Logs use it as well. Null makes
    one.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:.+:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "fingerprint_secret_arn" {
  description = <<-EOT
    Secret of 32 or more characters that keys the fingerprints of quarantined records. Null makes one.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.fingerprint_secret_arn == null || can(regex("^arn:[a-z-]+:secretsmanager:.+$", var.fingerprint_secret_arn))
    error_message = "fingerprint_secret_arn must be the ARN of a secret."
  }
}

variable "fingerprint_kms_key_arn" {
  description = "Customer's KMS key of the fingerprints' secret. Null is kms_key_arn's."
  type        = string
  default     = null

  validation {
    condition     = var.fingerprint_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:.+:key/.+$", var.fingerprint_kms_key_arn))
    error_message = "fingerprint_kms_key_arn must be the ARN of a KMS key."
  }
}
