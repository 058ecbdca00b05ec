# Scaling, and the alarms that end a deployment. All go by the worker's own metrics (docs/metrics.md): the lag of this
# application, not of whoever else polls the stream.

resource "aws_appautoscaling_target" "tasks" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${local.cluster_name}/${aws_ecs_service.this.name}"
  min_capacity       = var.min_tasks
  max_capacity       = var.max_tasks
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.tasks.service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks.scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 60 # leaves room for catching up, and for a task that fails
    scale_out_cooldown = 120
    scale_in_cooldown  = 900 # each task that goes moves leases

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

resource "aws_appautoscaling_policy" "lag" {
  name               = "lag"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.tasks.service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks.scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks.resource_id

  step_scaling_policy_configuration {
    adjustment_type          = "PercentChangeInCapacity"
    min_adjustment_magnitude = 1
    metric_aggregation_type  = "Maximum"
    cooldown                 = 300

    # Beyond the alarm's 30 s.
    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 270
      scaling_adjustment          = 25
    }

    step_adjustment {
      metric_interval_lower_bound = 270
      scaling_adjustment          = 100
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "scaling_lag" {
  alarm_name          = "${var.name}-scaling-lag"
  alarm_description   = "Adds tasks. The reading is more than 30 s behind, and the table is not what holds it up."
  namespace           = "KinesisSanitizer"
  metric_name         = "ScalingLagSeconds"
  dimensions          = { Application = var.data.application_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  threshold           = 30
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.lag.arn]
}

resource "aws_cloudwatch_metric_alarm" "rollout_quarantine" {
  alarm_name          = "${var.name}-rollout-quarantine"
  alarm_description   = "Ends a deployment. More than 5 % of the records go to quarantine."
  evaluation_periods  = 2
  threshold           = 5
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"

  dynamic "metric_query" {
    for_each = { quarantined = "RecordsQuarantined", received = "RecordsReceived" }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "KinesisSanitizer"
        metric_name = metric_query.value
        dimensions  = { Application = var.data.application_name }
        period      = 60
        stat        = "Sum"
      }
    }
  }

  metric_query {
    id          = "percent"
    expression  = "IF(received > 0, 100 * quarantined / received, 0)"
    return_data = true
  }
}

resource "aws_cloudwatch_metric_alarm" "rollout_lag" {
  alarm_name          = "${var.name}-rollout-lag"
  alarm_description   = "Ends a deployment. The reading is too far behind, for five minutes."
  namespace           = "KinesisSanitizer"
  metric_name         = "LagSeconds"
  dimensions          = { Application = var.data.application_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = var.rollout_lag_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
}
