# What tells somebody, without any Prometheus: CloudWatch's alarms on the worker's own metrics (docs/metrics.md), on the
# tables, the stream and the service, and ECS's events. Who has Prometheus has finer rules in deploy/observability.
#
# Those of alarm_topic_arn want somebody now, the others within the day: the words of docs/runbook.md.

locals {
  topics = {
    alarm   = var.alarm_topic_arn
    warning = coalesce(var.warning_topic_arn, var.alarm_topic_arn)
  }

  # Whose metrics, and which dimensions they have.
  worker   = { namespace = "KinesisSanitizer", dimensions = { Application = var.data.application_name } }
  stream   = { namespace = "AWS/Kinesis", dimensions = { StreamName = var.data.stream_name } }
  output   = { namespace = "AWS/DynamoDB", dimensions = { TableName = var.data.output_table_name } }
  lease    = { namespace = "AWS/DynamoDB", dimensions = { TableName = var.data.application_name } }
  batches  = merge(local.output, { dimensions = merge(local.output.dimensions, { Operation = "BatchWriteItem" }) })
  puts     = merge(local.output, { dimensions = merge(local.output.dimensions, { Operation = "PutItem" }) })
  service  = { namespace = "AWS/ECS", dimensions = local.of_service }
  insights = { namespace = "ECS/ContainerInsights", dimensions = local.of_service }

  of_service = { ClusterName = var.service.cluster_name, ServiceName = var.service.service_name }

  # Of one metric. More than the threshold, in each of so many minutes; no data is no breach, but where it is said.
  simple = {
    # A worker says each minute how many shards it serves. Nothing said, or none served: nobody reads.
    no-worker = {
      description = "No worker reports: nobody reads the stream. Runbook: SanitizerNoWorker."
      topic       = "alarm", of = local.worker, metric = "ShardsServed", statistic = "Maximum"
      threshold   = 1, minutes = 5, below = true, missing = "breaching"
    }
    # Of this application. The iterator age of AWS/Kinesis is that of all who poll the stream.
    lag = {
      description = "The reading is far behind, for five minutes. Runbook: SanitizerFarBehind."
      topic       = "alarm", of = local.worker, metric = "LagSeconds", statistic = "Maximum"
      threshold   = var.lag_alarm_seconds, minutes = 5
    }
    lag-warning = {
      description = "The reading is behind, for five minutes. Runbook: SanitizerLagging."
      topic       = "warning", of = local.worker, metric = "LagSeconds", statistic = "Maximum"
      threshold   = var.lag_warning_seconds, minutes = 5
    }
    shard-without-owner = {
      description = "Shards have no worker that reads them, for three minutes. Runbook: SanitizerShardWithoutOwner."
      topic       = "alarm", of = local.worker, metric = "ShardsWithoutOwner", statistic = "Maximum"
      threshold   = 0, minutes = 3
    }
    # By the retention that the stream has, whoever has set it.
    retention = {
      description = join(" ", [
        "RECORDS WILL BE LOST. The reading is behind by half of what the stream keeps: lengthen that now",
        "(IncreaseStreamRetentionPeriod), then mend. Runbook: SanitizerRetentionHalfGone.",
      ])
      topic     = "alarm", of = local.worker, metric = "RetentionUsed", statistic = "Maximum"
      threshold = 50, minutes = 2
    }
    field-drift = {
      description = join(" ", [
        "A field that was always redacted is redacted no longer: what is stored may be sensitive. Runbook:",
        "SanitizerFieldDrift.",
      ])
      topic     = "alarm", of = local.worker, metric = "FieldsDrifted", statistic = "Maximum"
      threshold = 0, minutes = 1
    }
    leak-suspected = {
      description = join(" ", [
        "The scan of what goes out held records back as a suspected leak. Nothing got out; a rule is missing. Runbook:",
        "SanitizerLeakSuspected.",
      ])
      topic     = "warning", of = local.worker, metric = "LeaksSuspected", statistic = "Sum"
      threshold = 0, minutes = 1
    }
    write-throttle = {
      description = join(" ", [
        "The output table throttles writes, minute after minute. Nothing is lost, but the reading slows down. Runbook:",
        "SanitizerWritesThrottled.",
      ])
      topic     = "warning", of = local.output, metric = "WriteThrottleEvents", statistic = "Sum"
      threshold = 0, minutes = 5
    }
    read-throttle = {
      description = "Reads of the stream are throttled for a quarter of an hour: too many applications poll it. Consider FANOUT."
      topic       = "warning", of = local.stream, metric = "ReadProvisionedThroughputExceeded", statistic = "Sum"
      threshold   = 0, minutes = 15
    }
    producers-refused = {
      description = join(" ", [
        "The stream refuses producers, in each of five minutes: a shard is hot, or there are too few. Runbook:",
        "SanitizerHotShard.",
      ])
      topic     = "warning", of = local.stream, metric = "WriteProvisionedThroughputExceeded", statistic = "Sum"
      threshold = 0, minutes = 5
    }
    memory = {
      description = "A task uses nine tenths of its memory, for a quarter of an hour."
      topic       = "warning", of = local.service, metric = "MemoryUtilization", statistic = "Maximum"
      threshold   = 90, minutes = 15
    }
  }

  # Of two metrics and what is computed from them.
  quarantined = {
    quarantined = { of = local.worker, metric = "RecordsQuarantined", statistic = "Sum" }
    received    = { of = local.worker, metric = "RecordsReceived", statistic = "Sum" }
  }
  computed = {
    quarantine = {
      description = "More than one record in five goes to quarantine. Runbook: SanitizerQuarantineFlood."
      topic       = "alarm", threshold = 20, minutes = 2, metrics = local.quarantined
      id          = "percent", expression = "IF(received > 0, 100 * quarantined / received, 0)"
    }
    quarantine-warning = {
      description = "More than one record in a hundred goes to quarantine. Runbook: SanitizerQuarantining."
      topic       = "warning", threshold = 1, minutes = 5, metrics = local.quarantined
      id          = "percent", expression = "IF(received > 0, 100 * quarantined / received, 0)"
    }
    table-errors = {
      description = "DynamoDB answers writes to the output table with errors of its own. Runbook: SanitizerWritesFailing."
      topic       = "alarm", threshold = 0, minutes = 5, of_minutes = 7 # the newest are late, and FILL says 0 of them
      id          = "events", expression = "FILL(batches, 0) + FILL(puts, 0)"
      metrics = {
        batches = { of = local.batches, metric = "SystemErrors", statistic = "Sum" }
        puts    = { of = local.puts, metric = "SystemErrors", statistic = "Sum" }
      }
    }
    lease-throttle = {
      description = "The lease table throttles: leases may be lost, and their records come again. Runbook: SanitizerLeaseChurn."
      topic       = "warning", threshold = 0, minutes = 5, of_minutes = 7
      id          = "events", expression = "FILL(reads, 0) + FILL(writes, 0)"
      metrics = {
        reads  = { of = local.lease, metric = "ReadThrottleEvents", statistic = "Sum" }
        writes = { of = local.lease, metric = "WriteThrottleEvents", statistic = "Sum" }
      }
    }
    running-tasks = {
      description = "Fewer tasks run than are wanted, for ten minutes. The service's events say why."
      topic       = "alarm", threshold = 0, minutes = 10, missing = "breaching"
      id          = "missing", expression = "wanted - running"
      metrics = {
        wanted  = { of = local.insights, metric = "DesiredTaskCount", statistic = "Minimum" }
        running = { of = local.insights, metric = "RunningTaskCount", statistic = "Maximum" }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "simple" {
  for_each = local.simple

  alarm_name          = "${var.service.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.of.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.of.dimensions
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.minutes
  threshold           = each.value.threshold
  comparison_operator = try(each.value.below, false) ? "LessThanThreshold" : "GreaterThanThreshold"
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = [local.topics[each.value.topic]]
  ok_actions          = [local.topics[each.value.topic]]
}

resource "aws_cloudwatch_metric_alarm" "computed" {
  for_each = local.computed

  alarm_name          = "${var.service.name}-${each.key}"
  alarm_description   = each.value.description
  evaluation_periods  = try(each.value.of_minutes, each.value.minutes)
  datapoints_to_alarm = can(each.value.of_minutes) ? each.value.minutes : null
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = [local.topics[each.value.topic]]
  ok_actions          = [local.topics[each.value.topic]]

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.of.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.of.dimensions
        period      = 60
        stat        = metric_query.value.statistic
      }
    }
  }

  metric_query {
    id          = each.value.id
    expression  = each.value.expression
    return_data = true
  }
}

# A deployment that failed or was rolled back, tasks that cannot be placed.
resource "aws_cloudwatch_event_rule" "service" {
  name        = "${var.service.name}-service"
  description = "${var.service.name}: the service has a problem"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Deployment State Change", "ECS Service Action"]
    resources   = [var.service.service_arn]
    detail      = { eventType = ["ERROR", "WARN"] }
  })
}

resource "aws_cloudwatch_event_target" "service" {
  rule      = aws_cloudwatch_event_rule.service.name
  target_id = "topic"
  arn       = var.alarm_topic_arn
}

# Tasks that ended by themselves, could not start, or failed their health check.
resource "aws_cloudwatch_event_rule" "tasks" {
  name        = "${var.service.name}-tasks"
  description = "${var.service.name}: a task failed"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      group      = ["service:${var.service.service_name}"]
      lastStatus = ["STOPPED"]
      "$or" = [
        { stopCode = ["EssentialContainerExited", "TaskFailedToStart"] },
        { stoppedReason = [{ prefix = "Task failed" }] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "tasks" {
  rule      = aws_cloudwatch_event_rule.tasks.name
  target_id = "topic"
  arn       = var.alarm_topic_arn
}
