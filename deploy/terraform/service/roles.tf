data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${local.place}:*"]
    }
  }
}

# What starts tasks.
resource "aws_iam_role" "execution" {
  name_prefix          = "${var.name}-start-"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # it has no resource
  }

  statement {
    actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [
      for repository in compact([var.image_repository, var.collector_repository]) : "${local.registry_arn}/${repository}"
    ]
  }

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [var.data.log_group_arn]
  }

  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.data.fingerprint_secret_arn]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.data.fingerprint_kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${local.region}.amazonaws.com"]
    }
  }
}

# The worker's.
resource "aws_iam_role" "task" {
  name_prefix          = "${var.name}-work-"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "task" {
  name   = "work"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

resource "aws_iam_role_policy_attachment" "task" {
  count = length(var.extra_policy_arns)

  role       = aws_iam_role.task.name
  policy_arn = var.extra_policy_arns[count.index]
}

data "aws_iam_policy_document" "task" {
  statement {
    actions = [
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
      "kinesis:ListStreamConsumers",
    ]
    resources = [var.data.stream_arn]
  }

  dynamic "statement" {
    for_each = local.is_fan_out ? [1] : []

    content {
      actions   = ["kinesis:SubscribeToShard"]
      resources = [aws_kinesis_stream_consumer.this[0].arn]
    }
  }

  statement {
    actions = ["dynamodb:DescribeTable"]
    resources = [
      var.data.output_table_arn,
      var.data.quarantine_table_arn,
      var.data.lease_table_arn,
      var.data.worker_metrics_table_arn,
      var.data.coordinator_table_arn,
    ]
  }

  statement {
    actions   = [var.write_mode == "newest" ? "dynamodb:PutItem" : "dynamodb:BatchWriteItem"]
    resources = [var.data.output_table_arn]
  }

  statement {
    actions   = ["dynamodb:BatchWriteItem"]
    resources = [var.data.quarantine_table_arn]
  }

  statement {
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Scan",
      "dynamodb:UpdateItem",
    ]
    resources = [var.data.lease_table_arn]
  }

  statement {
    actions   = ["dynamodb:Query"]
    resources = ["${var.data.lease_table_arn}/index/LeaseOwnerToLeaseKeyIndex"]
  }

  statement {
    actions   = ["dynamodb:DeleteItem", "dynamodb:Scan", "dynamodb:UpdateItem"]
    resources = [var.data.worker_metrics_table_arn]
  }

  statement {
    actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [var.data.coordinator_table_arn]
  }

  # Whoever calls DynamoDB needs it for each table under a customer's key.
  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.data.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${local.region}.amazonaws.com"]
    }
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.data.stream_kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["kinesis.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:kinesis:arn"
      values   = [var.data.stream_arn]
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
        values   = ["kinesis.${local.region}.amazonaws.com"]
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
        values   = ["secretsmanager.${local.region}.amazonaws.com"]
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

  # A record holds its version's id alone.
  dynamic "statement" {
    for_each = var.glue_schemas ? [1] : []

    content {
      actions   = ["glue:GetSchemaVersion"]
      resources = ["*"]
    }
  }

  # The collector: a task has one role.
  dynamic "statement" {
    for_each = local.has_collector ? [var.prometheus_workspace_id] : []

    content {
      actions   = ["aps:RemoteWrite"]
      resources = ["arn:${local.partition}:aps:${local.place}:workspace/${statement.value}"]
    }
  }
}
