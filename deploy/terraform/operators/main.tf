# What people and jobs may do who operate the service: three managed policies to attach to their roles. Apart from the
# module service, since whoever deploys need not decide on people's rights.
#
# Keys, schemas and sink are those of the module service, said again.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  place     = "${local.region}:${data.aws_caller_identity.current.account_id}"

  via_dynamodb       = "dynamodb.${local.region}.amazonaws.com"
  via_kinesis        = "kinesis.${local.region}.amazonaws.com"
  via_secretsmanager = "secretsmanager.${local.region}.amazonaws.com"
}

resource "aws_iam_policy" "look" {
  name        = "${var.service.name}-look"
  path        = var.role_path
  description = "For `sanitizer status`, get, tables check, quarantine list and show; logs, alarms and tasks"
  policy      = data.aws_iam_policy_document.look.json
}

resource "aws_iam_policy" "repair" {
  name        = "${var.service.name}-repair"
  path        = var.role_path
  description = "For `sanitizer quarantine replay` and purge, backfill, audit, produce"
  policy      = data.aws_iam_policy_document.repair.json
}

resource "aws_iam_policy" "incident" {
  name        = "${var.service.name}-incident"
  path        = var.role_path
  description = "For incidents, as docs/procedures.md tells them"
  policy      = data.aws_iam_policy_document.incident.json
}

# To look is to read documents and logs, too, but no record.
data "aws_iam_policy_document" "look" {
  #checkov:skip=CKV_AWS_356:these actions have no resource, or none that can be named beforehand
  statement {
    actions   = ["kinesis:DescribeStreamSummary", "kinesis:ListShards"]
    resources = [var.data.stream_arn]
  }

  statement {
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:DescribeContinuousBackups",
      "dynamodb:DescribeTable",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:Query",
    ]
    resources = [var.data.output_table_arn]
  }

  statement {
    actions   = ["dynamodb:Query"]
    resources = ["${var.data.output_table_arn}/index/sanitizer-index"]
  }

  statement {
    actions = [
      "dynamodb:DescribeContinuousBackups",
      "dynamodb:DescribeTable",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:GetItem",
      "dynamodb:Query",
      "dynamodb:Scan",
    ]
    resources = [var.data.quarantine_table_arn]
  }

  statement {
    actions   = ["dynamodb:DescribeTable", "dynamodb:Scan"]
    resources = [var.data.lease_table_arn, var.data.worker_metrics_table_arn]
  }

  statement {
    actions   = ["dynamodb:DescribeTable", "dynamodb:GetItem"]
    resources = [var.data.coordinator_table_arn]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.data.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [local.via_dynamodb]
    }
  }

  statement {
    actions = [
      "logs:DescribeLogStreams",
      "logs:FilterLogEvents",
      "logs:GetLogEvents",
      "logs:StartLiveTail",
      "logs:StartQuery",
    ]
    resources = [var.data.log_group_arn]
  }

  # These have no resource, or none that can be named beforehand.
  statement {
    actions = [
      "application-autoscaling:DescribeScalableTargets",
      "application-autoscaling:DescribeScalingActivities",
      "cloudwatch:DescribeAlarmHistory",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:GetMetricData",
      "ecs:DescribeTaskDefinition",
      "logs:GetQueryResults",
    ]
    resources = ["*"]
  }

  statement {
    actions   = ["ecs:DescribeServices"]
    resources = [var.service.service_arn]
  }

  statement {
    actions   = ["ecs:DescribeTasks", "ecs:ListTasks"]
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.service.cluster_arn]
    }
  }
}

# Reads records, raw, and writes documents: beside the policy look.
data "aws_iam_policy_document" "repair" {
  statement {
    actions   = ["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:PutRecords"]
    resources = [var.data.stream_arn]
  }

  statement {
    actions = [
      var.write_mode == "newest" ? "dynamodb:PutItem" : "dynamodb:BatchWriteItem",
      "dynamodb:Scan",
    ]
    resources = [var.data.output_table_arn]
  }

  statement {
    actions   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"]
    resources = [var.data.quarantine_table_arn]
  }

  # A backfill's own leases: its --application must begin so.
  statement {
    actions = [
      "dynamodb:CreateTable",
      "dynamodb:DescribeTable",
      "dynamodb:PutItem",
      "dynamodb:Scan",
      "dynamodb:UpdateItem",
    ]
    resources = ["arn:${local.partition}:dynamodb:${local.place}:table/${var.data.application_name}-backfill*"]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.data.stream_kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [local.via_kinesis]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:kinesis:arn"
      values   = [var.data.stream_arn]
    }
  }

  statement {
    actions   = ["kms:GenerateDataKey"]
    resources = [var.data.stream_kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [local.via_kinesis]
    }
  }

  dynamic "statement" {
    for_each = var.sink_stream_arn == null ? [] : [var.sink_stream_arn]

    content {
      actions   = ["kinesis:DescribeStreamSummary", "kinesis:PutRecords"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.sink_kms_key_arn == null ? [] : [var.sink_kms_key_arn]

    content {
      actions   = ["kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [local.via_kinesis]
      }
    }
  }

  dynamic "statement" {
    for_each = var.keys_secret_arn == null ? [] : [var.keys_secret_arn]

    content {
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.keys_kms_key_arn == null ? [] : [var.keys_kms_key_arn]

    content {
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = [local.via_secretsmanager]
      }
    }
  }

  dynamic "statement" {
    for_each = var.key_wrapping_key_arn == null ? [] : [var.key_wrapping_key_arn]

    content {
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:application"
        values   = ["kinesis-sanitizer"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.glue_schemas ? [1] : []

    content {
      actions   = ["glue:GetSchemaVersion"]
      resources = ["*"]
    }
  }
}

# What the runbook asks of on-call: beside the policy look. It stops and starts, lengthens, widens, restores.
# UpdateTable also takes the tables' protection away, which nothing here follows up by a deletion.
data "aws_iam_policy_document" "incident" {
  statement {
    actions = [
      "kinesis:IncreaseStreamRetentionPeriod",
      "kinesis:UpdateShardCount",
      "kinesis:UpdateStreamMode",
    ]
    resources = [var.data.stream_arn]
  }

  statement {
    actions   = ["ecs:UpdateService"]
    resources = [var.service.service_arn]
  }

  statement {
    actions   = ["ecs:StopTask"]
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.service.cluster_arn]
    }
  }

  # A one-off task with the service's own definition, to look from inside of the network.
  statement {
    actions   = ["ecs:RunTask"]
    resources = ["arn:${local.partition}:ecs:${local.place}:task-definition/${var.service.name}:*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [var.service.cluster_arn]
    }
  }

  statement {
    actions   = ["iam:PassRole"]
    resources = [var.service.task_role_arn, var.service.execution_role_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    actions   = ["application-autoscaling:RegisterScalableTarget"]
    resources = ["arn:${local.partition}:application-autoscaling:${local.place}:scalable-target/*"]

    condition {
      test     = "StringEquals"
      variable = "application-autoscaling:service-namespace"
      values   = ["ecs"]
    }
  }

  statement {
    actions = [
      "dynamodb:DescribeContinuousBackups",
      "dynamodb:DescribeTable",
      "dynamodb:RestoreTableToPointInTime",
      "dynamodb:UpdateTable",
    ]
    resources = [var.data.output_table_arn, var.data.quarantine_table_arn]
  }

  # A restore writes into the new table as its caller. The leases have their old name again; documents and quarantine
  # one that begins like it: to write documents, or delete them, is not on-call's.
  statement {
    actions = [
      "dynamodb:BatchWriteItem",
      "dynamodb:CreateBackup",
      "dynamodb:DeleteItem",
      "dynamodb:DescribeContinuousBackups",
      "dynamodb:DescribeTable",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:RestoreTableFromBackup",
      "dynamodb:RestoreTableToPointInTime",
      "dynamodb:Scan",
      "dynamodb:UpdateContinuousBackups",
      "dynamodb:UpdateItem",
      "dynamodb:UpdateTable",
      "dynamodb:UpdateTimeToLive",
    ]
    resources = [
      var.data.lease_table_arn,
      "${var.data.output_table_arn}-restored*",
      "${var.data.quarantine_table_arn}-restored*",
      "${var.data.lease_table_arn}-restored*",
    ]
  }

  # Of the backup, as well as of the table.
  statement {
    actions = ["dynamodb:RestoreTableFromBackup"]
    resources = [
      "${var.data.lease_table_arn}/backup/*",
      "${var.data.lease_table_arn}-restored*/backup/*",
    ]
  }

  # They have no resource.
  statement {
    actions   = ["dynamodb:ListBackups", "ecs:ListTaskDefinitions"]
    resources = ["*"]
  }

  # Where reading begins, when the leases are lost.
  statement {
    actions   = ["dynamodb:UpdateItem"]
    resources = [var.data.coordinator_table_arn]
  }

  # Whoever makes a table under a key, by a restore too, needs all of these.
  statement {
    actions = [
      "kms:CreateGrant",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey*",
      "kms:ReEncrypt*",
    ]
    resources = [var.data.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [local.via_dynamodb]
    }
  }
}
