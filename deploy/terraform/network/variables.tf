variable "vpc_cidr" {
  description = "Addresses of the VPC, of which each of two zones gets a quarter."
  type        = string
  default     = "10.20.0.0/22"

  validation {
    condition     = can(regex("^([0-9]{1,3}\\.){3}[0-9]{1,3}/(1[6-9]|2[0-4])$", var.vpc_cidr))
    error_message = "vpc_cidr must be a block of addresses between /16 and /24."
  }
}

variable "flow_log_days" {
  description = "Days for which the addresses that talked with each other are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731], var.flow_log_days)
    error_message = "flow_log_days must be one of 365, 400, 545, 731."
  }
}

variable "with_prometheus" {
  description = "Whether the collector writes to Amazon Managed Prometheus."
  type        = bool
  default     = false
}

variable "with_glue" {
  description = "Whether records have schemas of the Glue Schema Registry."
  type        = bool
  default     = false
}

variable "with_kms" {
  description = "Whether keys inside of the keys' secret are encrypted one by one (key_wrapping_key_arn)."
  type        = bool
  default     = false
}
