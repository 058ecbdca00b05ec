variable "name" {
  description = "Name of cluster, service, task definition and roles."
  type        = string
  default     = "kinesis-sanitizer"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,30}$", var.name))
    error_message = "name must be of the form [A-Za-z][A-Za-z0-9-]{0,30}."
  }
}

variable "data" {
  description = "The outputs of the module data, which name stream, tables, key, secret and logs."
  type = object({
    application_name         = string
    stream_name              = string
    stream_arn               = string
    stream_kms_key_arn       = string
    output_table_name        = string
    output_table_arn         = string
    quarantine_table_name    = string
    quarantine_table_arn     = string
    lease_table_arn          = string
    worker_metrics_table_arn = string
    coordinator_table_arn    = string
    kms_key_arn              = string
    fingerprint_secret_arn   = string
    fingerprint_kms_key_arn  = string
    log_group_name           = string
    log_group_arn            = string
  })
}

variable "image_repository" {
  description = "ECR repository that holds the image."
  type        = string
  default     = "kinesis-sanitizer"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._/-]*$", var.image_repository))
    error_message = "image_repository must be of the form [a-z0-9][a-z0-9._/-]*."
  }
}

variable "image_tag" {
  description = "Tag of the image, one that never moves: a new tag is an upgrade, the one before is the way back."
  type        = string

  validation {
    condition     = var.image_tag != "latest" && can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag))
    error_message = "image_tag must be a tag other than latest."
  }
}

variable "image_digest" {
  description = "Digest of the image (sha256:...), which then counts instead of the tag. Null goes by the tag."
  type        = string
  default     = null

  validation {
    condition     = var.image_digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "image_digest must be a digest: sha256: and 64 hexadecimal digits."
  }
}

variable "registry_account" {
  description = <<-EOT
    Account of the ECR registry, whose repository policy lets this account pull. Null is this account.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.registry_account == null || can(regex("^[0-9]{12}$", var.registry_account))
    error_message = "registry_account must be an account: twelve digits."
  }
}

variable "registry_region" {
  description = "Region of the ECR registry. Null is this region."
  type        = string
  default     = null

  validation {
    condition     = var.registry_region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.registry_region))
    error_message = "registry_region must be a region, such as eu-central-1."
  }
}

variable "architecture" {
  description = "What the image was built for. Graviton (ARM64) costs less for each core."
  type        = string
  default     = "ARM64"

  validation {
    condition     = contains(["ARM64", "X86_64"], var.architecture)
    error_message = "architecture must be one of ARM64, X86_64."
  }
}

variable "settings_file" {
  description = <<-EOT
    Path of a settings file in the image, such as /etc/sanitizer/settings.yaml, in an image derived from ours.
    What this module sets by environment variables wins over it. Null for none.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.settings_file == null || can(regex("^/[A-Za-z0-9_./-]+$", var.settings_file))
    error_message = "settings_file must be an absolute path."
  }
}

variable "vpc_id" {
  description = "VPC of the tasks."
  type        = string
}

variable "subnet_ids" {
  description = <<-EOT
    Private subnets in two or more availability zones, with a way to AWS's services by 443 (NAT gateway or VPC
    endpoints).
  EOT
  type        = list(string)
}

variable "endpoints" {
  description = <<-EOT
    Security group of the VPC's interface endpoints, and the prefix lists of the gateway endpoints of DynamoDB and S3,
    which holds the image's layers (`aws ec2 describe-managed-prefix-lists`). With them tasks reach these and nothing
    else. Null lets 443 out to everywhere.
  EOT
  type = object({
    security_group_id       = string
    dynamodb_prefix_list_id = string
    s3_prefix_list_id       = string
  })
  default = null
}

variable "scraper_security_group_id" {
  description = "Security group of a Prometheus of your own, let in to port 9464. Null for nobody."
  type        = string
  default     = null

  validation {
    condition     = var.scraper_security_group_id == null || can(regex("^sg-[0-9a-f]{8,17}$", var.scraper_security_group_id))
    error_message = "scraper_security_group_id must be a security group (sg-...)."
  }
}

variable "cluster_name" {
  description = <<-EOT
    Existing ECS cluster, with Container Insights (an alarm needs it) and the capacity providers FARGATE and
    FARGATE_SPOT. Null makes one.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.cluster_name == null || can(regex("^[A-Za-z0-9_-]{0,255}$", var.cluster_name))
    error_message = "cluster_name must be of the form [A-Za-z0-9_-]{0,255}."
  }
}

variable "task_cpu" {
  description = "CPU units of a task; 1024 are a vCPU."
  type        = number
  default     = 512

  validation {
    condition     = contains([512, 1024, 2048, 4096], var.task_cpu)
    error_message = "task_cpu must be one of 512, 1024, 2048, 4096."
  }
}

variable "task_memory" {
  description = "Memory of a task in MiB; Fargate sells two to eight times the CPU units, in steps of 1024."
  type        = number
  default     = 1024

  validation {
    condition = (
      var.task_memory % 1024 == 0 &&
      var.task_memory >= 2 * var.task_cpu && var.task_memory <= min(8 * var.task_cpu, 30720)
    )
    error_message = "task_memory must be two to eight times task_cpu, at most 30720, in steps of 1024."
  }
}

variable "min_tasks" {
  description = "Tasks at least. With one, nobody reads while it is replaced."
  type        = number
  default     = 2

  validation {
    condition     = var.min_tasks >= 1
    error_message = "min_tasks must be 1 or more."
  }
}

variable "max_tasks" {
  description = "Tasks at most; no more than there are shards, since a shard is read by one task."
  type        = number
  default     = 2

  validation {
    condition     = var.max_tasks >= 1
    error_message = "max_tasks must be 1 or more."
  }

  validation {
    condition     = var.max_tasks >= var.min_tasks
    error_message = "max_tasks must be min_tasks or more."
  }
}

variable "spot_weight" {
  description = <<-EOT
    Tasks on Fargate Spot for each one on Fargate, beyond the first min_tasks, which are on Fargate. 0 for none.
    AWS takes Spot tasks back at two minutes' notice, which is enough for a clean stop.
  EOT
  type        = number
  default     = 0

  validation {
    condition     = var.spot_weight >= 0 && var.spot_weight <= 100
    error_message = "spot_weight must be between 0 and 100."
  }
}

variable "rollout_lag_seconds" {
  description = <<-EOT
    How far the reading may be behind before that ends a deployment. Above the backlog where there is one, as at
    the first deployment on a stream that exists or after an outage; else ECS takes the catching up for a bad
    version.
  EOT
  type        = number
  default     = 120

  validation {
    condition     = var.rollout_lag_seconds >= 120
    error_message = "rollout_lag_seconds must be 120 or more."
  }
}

variable "retrieval_mode" {
  description = <<-EOT
    POLLING shares five reads a second and shard with all other polling applications. FANOUT registers a
    consumer with 2 MB/s a shard of its own, at a price.
  EOT
  type        = string
  default     = "POLLING"

  validation {
    condition     = contains(["POLLING", "FANOUT"], var.retrieval_mode)
    error_message = "retrieval_mode must be one of POLLING, FANOUT."
  }
}

variable "glue_schemas" {
  description = "Whether records have schemas of the Glue Schema Registry (setting stream.format), to be read."
  type        = bool
  default     = false
}

variable "write_mode" {
  description = "Setting output.write_mode. newest wants keys that records share, so a settings file as well."
  type        = string
  default     = "put"

  validation {
    condition     = contains(["put", "newest"], var.write_mode)
    error_message = "write_mode must be one of put, newest."
  }

  validation {
    condition     = var.write_mode != "newest" || var.settings_file != null
    error_message = "write_mode newest needs keys that records share, so a settings_file."
  }
}

variable "output_ttl_days" {
  description = <<-EOT
    Days after which documents expire (setting output.ttl_days). 0 keeps them for ever, and their storage
    outgrows all other costs within a year.
  EOT
  type        = number

  validation {
    condition     = var.output_ttl_days >= 0 && var.output_ttl_days <= 3650
    error_message = "output_ttl_days must be between 0 and 3650."
  }
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

  validation {
    condition     = var.sink_stream_arn == null || var.settings_file != null
    error_message = "sink_stream_arn permits; the setting sinks, in a settings_file, sends."
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

  validation {
    condition     = var.sink_kms_key_arn == null || var.sink_stream_arn != null
    error_message = "sink_kms_key_arn is the key of sink_stream_arn."
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

  validation {
    condition     = var.keys_secret_arn != null || (var.keys_kms_key_arn == null && var.key_wrapping_key_arn == null)
    error_message = "keys_kms_key_arn and key_wrapping_key_arn are keys of keys_secret_arn."
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

variable "permissions_boundary_arn" {
  description = "Permissions boundary of both roles. Null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::.+:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy."
  }
}

variable "role_path" {
  description = "Path of both roles."
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9._=,@-]+/)*$", var.role_path))
    error_message = "role_path must be of the form /([A-Za-z0-9._=,@-]+/)*."
  }
}

variable "extra_policy_arns" {
  description = <<-EOT
    Further managed policies of the worker's role, for what a settings file or a plug-in needs. Empty for none.
  EOT
  type        = list(string)
  default     = []
}

variable "prometheus_workspace_id" {
  description = <<-EOT
    Workspace of Amazon Managed Prometheus (ws-...) that a collector beside each worker writes to. Null for
    none.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.prometheus_workspace_id == null || can(regex("^ws-[0-9a-f-]+$", var.prometheus_workspace_id))
    error_message = "prometheus_workspace_id must be a workspace (ws-...)."
  }
}

variable "collector_repository" {
  description = <<-EOT
    Repository of the same registry that holds the collector's image (AWS Distro for OpenTelemetry), a mirror or
    a pull-through cache, for tasks without a way to public.ecr.aws. Null pulls from there.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.collector_repository == null || can(regex("^[a-z0-9][a-z0-9._/-]*$", var.collector_repository))
    error_message = "collector_repository must be of the form [a-z0-9][a-z0-9._/-]*."
  }

  validation {
    condition     = var.collector_repository != null || var.endpoints == null || var.prometheus_workspace_id == null
    error_message = "public.ecr.aws has no endpoint; name a collector_repository."
  }

  validation {
    condition     = var.collector_repository == null || var.prometheus_workspace_id != null
    error_message = "A collector runs only with a prometheus_workspace_id."
  }
}

variable "collector_digest" {
  description = "Digest of the collector's image (sha256:...). Null goes by the tag v0.49.0."
  type        = string
  default     = null

  validation {
    condition     = var.collector_digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.collector_digest))
    error_message = "collector_digest must be a digest: sha256: and 64 hexadecimal digits."
  }

  validation {
    condition     = var.collector_digest == null || var.prometheus_workspace_id != null
    error_message = "A collector runs only with a prometheus_workspace_id."
  }
}
