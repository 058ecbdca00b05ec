# The service, with its operators' policies and alarms: the everyday deployment. It reads the outputs of ../data out of that
# one's state, and cannot change it.
#
#   terraform init -backend-config=service.s3.tfbackend
#   terraform apply -var-file=../sizes/1k/service.tfvars -var-file=production.tfvars

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.30"
    }
  }

  backend "s3" {
    use_lockfile = true
  }
}

provider "aws" {
  default_tags {
    tags = { application = "kinesis-sanitizer" }
  }
}

data "terraform_remote_state" "data" {
  backend = "s3"
  config  = var.data_state
}

locals {
  data = data.terraform_remote_state.data.outputs.data
}

module "service" {
  source = "../../service"

  data            = local.data
  image_tag       = var.image_tag
  architecture    = var.architecture
  vpc_id          = var.vpc_id
  subnet_ids      = var.subnet_ids
  output_ttl_days = var.output_ttl_days

  task_cpu    = var.task_cpu
  task_memory = var.task_memory
  min_tasks   = var.min_tasks
  max_tasks   = var.max_tasks

  prometheus_workspace_id = var.prometheus_workspace_id
}

module "operators" {
  source = "../../operators"

  data    = local.data
  service = module.service
}

module "alarms" {
  source = "../../alarms"

  data              = local.data
  service           = module.service
  alarm_topic_arn   = var.alarm_topic_arn
  warning_topic_arn = var.warning_topic_arn
}
