variable "data_state" {
  description = "Where the state of ../data is: what its backend was told."
  type = object({
    bucket = string
    key    = string
    region = string
  })
}

variable "image_tag" {
  description = "Tag of the image, one that never moves: a new tag is an upgrade, the one before is the way back."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in two or more availability zones, with a way to AWS's services by 443."
  type        = list(string)
}

variable "output_ttl_days" {
  description = "Days after which documents expire. 0 keeps them for ever."
  type        = number
}

variable "architecture" {
  description = "Processor of the tasks: ARM64 or X86_64."
  type        = string
}

variable "task_cpu" {
  description = "CPU units of a task. 1024 are one vCPU."
  type        = number
}

variable "task_memory" {
  description = "Memory of a task in MiB."
  type        = number
}

variable "min_tasks" {
  description = "Tasks that always run."
  type        = number
}

variable "max_tasks" {
  description = "Tasks up to which the service scales."
  type        = number
}

variable "prometheus_workspace_id" {
  description = "Workspace of Amazon Managed Prometheus (ws-...). Null for none."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "SNS topic that pages."
  type        = string
}

variable "warning_topic_arn" {
  description = "SNS topic of what can wait for the morning. Null is alarm_topic_arn."
  type        = string
  default     = null
}
