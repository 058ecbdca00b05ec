# The data of an application, in a state of its own:
#
#   terraform init -backend-config=data.s3.tfbackend
#   terraform apply -var-file=../sizes/1k/data.tfvars

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

module "data" {
  source = "../../data" # or git::https://.../kinesis-sanitizer.git//deploy/terraform/data?ref=...

  stream_mode             = var.stream_mode
  shard_count             = var.shard_count
  output_warm_write_units = var.output_warm_write_units
}

output "data" {
  description = "What the service's root module reads out of this one's state."
  value       = module.data
}
