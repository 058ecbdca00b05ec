terraform {
  required_version = ">= 1.11" # of Terraform or OpenTofu: write-only arguments

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.30" # before, an index had a difference at each plan
    }
  }
}
