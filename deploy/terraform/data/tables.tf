# The keys of the tables are those that the worker checks at its start. Kept and protected: what is in them is not in the
# stream any more, and to lose the leases is to read the whole stream again.

locals {
  has_index       = var.second_index != "NONE"
  index_is_sorted = var.second_index == "PARTITION_AND_SORT"

  output_is_provisioned = var.create_tables && var.output_billing_mode == "PROVISIONED"
  output_capacity = local.output_is_provisioned ? {
    read  = var.output_read_capacity
    write = var.output_write_capacity
  } : { read = null, write = null }

  output_is_warm    = var.output_warm_write_units > 0
  output_is_bounded = !local.output_is_provisioned && var.output_max_write_units > 0
}

resource "aws_dynamodb_table" "output" {
  count = var.create_tables ? 1 : 0

  name                        = var.output_table_name
  hash_key                    = "_sanitizer_pk"
  range_key                   = "_sanitizer_sk"
  billing_mode                = var.output_billing_mode
  read_capacity               = local.output_capacity.read
  write_capacity              = local.output_capacity.write
  deletion_protection_enabled = true

  attribute {
    name = "_sanitizer_pk"
    type = "S"
  }

  attribute {
    name = "_sanitizer_sk"
    type = "S"
  }

  dynamic "attribute" {
    for_each = local.has_index ? ["_sanitizer_ipk"] : []

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "attribute" {
    for_each = local.index_is_sorted ? ["_sanitizer_isk"] : []

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = local.has_index ? ["sanitizer-index"] : []

    content {
      name            = global_secondary_index.value
      hash_key        = "_sanitizer_ipk"
      range_key       = local.index_is_sorted ? "_sanitizer_isk" : null
      projection_type = "ALL"
      read_capacity   = local.output_capacity.read
      write_capacity  = local.output_capacity.write

      dynamic "warm_throughput" {
        for_each = local.output_is_warm ? [1] : []

        content {
          read_units_per_second  = var.output_warm_read_units
          write_units_per_second = var.output_warm_write_units
        }
      }
    }
  }

  dynamic "on_demand_throughput" {
    for_each = local.output_is_bounded ? [1] : []

    content {
      max_write_request_units = var.output_max_write_units
    }
  }

  dynamic "warm_throughput" {
    for_each = local.output_is_warm ? [1] : []

    content {
      read_units_per_second  = var.output_warm_read_units
      write_units_per_second = var.output_warm_write_units
    }
  }

  # Of no item, unless output.ttl_days is set.
  ttl {
    attribute_name = "_sanitizer_ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [read_capacity, write_capacity] # of a provisioned table: its scaling's
  }
}

# Provisioned capacity that follows the load, between two bounds; the index has a capacity of its own.
locals {
  output_scaling = merge(
    !local.output_is_provisioned ? {} : {
      outputwrites = { of = "table", what = "Write", min = var.output_write_capacity, max = var.output_max_write_capacity }
      outputreads  = { of = "table", what = "Read", min = var.output_read_capacity, max = var.output_max_read_capacity }
    },
    !local.output_is_provisioned || !local.has_index ? {} : {
      indexwrites = { of = "index", what = "Write", min = var.output_write_capacity, max = var.output_max_write_capacity }
      indexreads  = { of = "index", what = "Read", min = var.output_read_capacity, max = var.output_max_read_capacity }
    },
  )
}

resource "aws_appautoscaling_target" "output" {
  for_each = local.output_scaling

  service_namespace  = "dynamodb"
  scalable_dimension = "dynamodb:${each.value.of}:${each.value.what}CapacityUnits"
  resource_id        = "table/${aws_dynamodb_table.output[0].name}${each.value.of == "index" ? "/index/sanitizer-index" : ""}"
  min_capacity       = each.value.min
  max_capacity       = each.value.max
}

resource "aws_appautoscaling_policy" "output" {
  for_each = local.output_scaling

  name               = each.key
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.output[each.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.output[each.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.output[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = 70

    predefined_metric_specification {
      predefined_metric_type = "DynamoDB${each.value.what}CapacityUtilization"
    }
  }
}

resource "aws_dynamodb_table" "quarantine" {
  count = var.create_tables ? 1 : 0

  name                        = var.quarantine_table_name
  hash_key                    = "source"
  range_key                   = "position"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true

  attribute {
    name = "source"
    type = "S"
  }

  attribute {
    name = "position"
    type = "S"
  }

  # quarantine.ttl_days says when.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_dynamodb_table" "lease" {
  count = var.create_tables ? 1 : 0

  name                        = var.application_name
  hash_key                    = "leaseKey"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true

  attribute {
    name = "leaseKey"
    type = "S"
  }

  attribute {
    name = "leaseOwner"
    type = "S"
  }

  # KCL would build it itself, which takes permissions that the worker has not, and minutes.
  global_secondary_index {
    name            = "LeaseOwnerToLeaseKeyIndex"
    hash_key        = "leaseOwner"
    range_key       = "leaseKey"
    projection_type = "KEYS_ONLY"
  }

  # Checkpoints of an hour ago read an hour again, without them the whole retention is read again.
  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_dynamodb_table" "worker_metrics" {
  #checkov:skip=CKV_AWS_28:holds the workers' reports of the last minutes, which they write again
  count = var.create_tables ? 1 : 0

  name                        = "${var.application_name}-WorkerMetricStats"
  hash_key                    = "wid"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true

  attribute {
    name = "wid"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_dynamodb_table" "coordinator" {
  #checkov:skip=CKV_AWS_28:holds who leads, and which stream the leases are of, which the workers write again
  count = var.create_tables ? 1 : 0

  name                        = "${var.application_name}-CoordinatorState"
  hash_key                    = "key"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true

  attribute {
    name = "key"
    type = "S"
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
  }
}
