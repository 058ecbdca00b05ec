# What outlives every version of the service: key, stream, tables, the fingerprints' secret, the log group. It has a
# state of its own; the everyday deployment is that of the module service, which takes this one's outputs.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition  = data.aws_partition.current.partition
  place      = "${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
  tables_arn = "arn:${local.partition}:dynamodb:${local.place}:table"

  kms_key_arn        = var.kms_key_arn == null ? aws_kms_key.this[0].arn : var.kms_key_arn
  stream_kms_key_arn = coalesce(var.stream_kms_key_arn, local.kms_key_arn)

  fingerprint_secret_arn  = var.fingerprint_secret_arn == null ? aws_secretsmanager_secret.fingerprint[0].arn : var.fingerprint_secret_arn
  fingerprint_kms_key_arn = coalesce(var.fingerprint_kms_key_arn, local.kms_key_arn)
}

resource "aws_kms_key" "this" {
  count = var.kms_key_arn == null ? 1 : 0

  description             = "${var.application_name}: stream, tables, logs, secret"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:the policy of a key, whose resource is the key
  #checkov:skip=CKV_AWS_111:the policy of a key, whose resource is the key
  #checkov:skip=CKV_AWS_356:the policy of a key, whose resource is the key
  statement {
    sid       = "IamDecides"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.current.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.place}:log-group:/ecs/${var.application_name}"]
    }
  }
}

resource "aws_kinesis_stream" "this" {
  count = var.create_stream ? 1 : 0

  name             = var.stream_name
  shard_count      = var.stream_mode == "PROVISIONED" ? var.shard_count : null
  retention_period = var.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = local.stream_kms_key_arn

  stream_mode_details {
    stream_mode = var.stream_mode
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Not rotated: fingerprints under another key could not be compared with the ones before.
resource "aws_secretsmanager_secret" "fingerprint" {
  #checkov:skip=CKV2_AWS_57:not rotated, fingerprints under another key could not be compared with the ones before
  count = var.fingerprint_secret_arn == null ? 1 : 0

  name_prefix = "${var.application_name}-fingerprint-"
  description = "Keys the fingerprints of quarantined records"
  kms_key_id  = local.fingerprint_kms_key_arn

  lifecycle {
    prevent_destroy = true
  }
}

ephemeral "aws_secretsmanager_random_password" "fingerprint" {
  count = var.fingerprint_secret_arn == null ? 1 : 0

  password_length     = 64
  exclude_punctuation = true
}

# Written once, by its version; neither plan nor state has it.
resource "aws_secretsmanager_secret_version" "fingerprint" {
  count = var.fingerprint_secret_arn == null ? 1 : 0

  secret_id                = aws_secretsmanager_secret.fingerprint[0].id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.fingerprint[0].random_password
  secret_string_wo_version = 1

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.application_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn

  lifecycle {
    prevent_destroy = true
  }
}
