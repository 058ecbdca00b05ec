variable "data" {
  description = "The outputs of the module data."
  type = object({
    application_name  = string
    stream_name       = string
    output_table_name = string
  })
}

variable "service" {
  description = "The outputs of the module service."
  type = object({
    name         = string
    cluster_name = string
    service_name = string
    service_arn  = string
  })
}

variable "alarm_topic_arn" {
  description = <<-EOT
    SNS topic that pages, whose policy lets cloudwatch.amazonaws.com and events.amazonaws.com publish.
  EOT
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:.+$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn must be the ARN of an SNS topic."
  }
}

variable "warning_topic_arn" {
  description = "SNS topic of what can wait for the morning. Null is alarm_topic_arn."
  type        = string
  default     = null

  validation {
    condition     = var.warning_topic_arn == null || can(regex("^arn:[a-z-]+:sns:.+$", var.warning_topic_arn))
    error_message = "warning_topic_arn must be the ARN of an SNS topic."
  }
}

variable "lag_alarm_seconds" {
  description = "How far the reading may be behind before somebody is woken."
  type        = number
  default     = 900

  validation {
    condition     = var.lag_alarm_seconds >= 1
    error_message = "lag_alarm_seconds must be 1 or more."
  }

  validation {
    condition     = var.lag_alarm_seconds > var.lag_warning_seconds
    error_message = "lag_alarm_seconds must be more than lag_warning_seconds."
  }
}

variable "lag_warning_seconds" {
  description = "How far it may be behind before somebody is told."
  type        = number
  default     = 60

  validation {
    condition     = var.lag_warning_seconds >= 1
    error_message = "lag_warning_seconds must be 1 or more."
  }
}
