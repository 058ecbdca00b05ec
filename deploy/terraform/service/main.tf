# What runs: roles, task, service, scaling. This is the everyday deployment; it takes the outputs of the module data,
# and has no right over what is there.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_subnet" "tasks" {
  count = length(var.subnet_ids)

  id = var.subnet_ids[count.index]

  lifecycle {
    postcondition {
      condition     = self.vpc_id == var.vpc_id
      error_message = "All subnet_ids must be of vpc_id."
    }
  }
}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  account   = data.aws_caller_identity.current.account_id
  place     = "${local.region}:${local.account}"

  registry_region  = coalesce(var.registry_region, local.region)
  registry_account = coalesce(var.registry_account, local.account)
  registry         = "${local.registry_account}.dkr.ecr.${local.registry_region}.${data.aws_partition.current.dns_suffix}"
  registry_arn     = "arn:${local.partition}:ecr:${local.registry_region}:${local.registry_account}:repository"

  is_fan_out    = var.retrieval_mode == "FANOUT"
  has_collector = var.prometheus_workspace_id != null

  cluster_is_ours = var.cluster_name == null
  cluster_name    = local.cluster_is_ours ? aws_ecs_cluster.this[0].name : var.cluster_name
  cluster_arn     = local.cluster_is_ours ? aws_ecs_cluster.this[0].arn : "arn:${local.partition}:ecs:${local.place}:cluster/${var.cluster_name}"
}

resource "aws_kinesis_stream_consumer" "this" {
  count = local.is_fan_out ? 1 : 0

  name       = var.data.application_name
  stream_arn = var.data.stream_arn
}

# The VPC's own name servers are not subject to security groups.
resource "aws_security_group" "tasks" {
  name_prefix = "${var.name}-"
  description = "Tasks of ${var.name}"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true # it cannot go while tasks have it
  }
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  count = var.endpoints == null ? 0 : 1

  security_group_id            = aws_security_group.tasks.id
  description                  = "Interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = var.endpoints.security_group_id
}

resource "aws_vpc_security_group_egress_rule" "dynamodb" {
  count = var.endpoints == null ? 0 : 1

  security_group_id = aws_security_group.tasks.id
  description       = "DynamoDB"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = var.endpoints.dynamodb_prefix_list_id
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  count = var.endpoints == null ? 0 : 1

  security_group_id = aws_security_group.tasks.id
  description       = "S3, layers of the image"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = var.endpoints.s3_prefix_list_id
}

resource "aws_vpc_security_group_egress_rule" "everywhere" {
  count = var.endpoints == null ? 1 : 0

  security_group_id = aws_security_group.tasks.id
  description       = "AWS services"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "scraper" {
  count = var.scraper_security_group_id == null ? 0 : 1

  security_group_id            = aws_security_group.tasks.id
  description                  = "Prometheus"
  ip_protocol                  = "tcp"
  from_port                    = 9464
  to_port                      = 9464
  referenced_security_group_id = var.scraper_security_group_id
}

resource "aws_ecs_cluster" "this" {
  count = local.cluster_is_ours ? 1 : 0

  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  count = local.cluster_is_ours ? 1 : 0

  cluster_name       = aws_ecs_cluster.this[0].name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = local.cluster_arn
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.min_tasks

  # New tasks first, then the old ones hand their leases over. An alarm that rings meanwhile puts the old version back;
  # ECS watches for some minutes after the last task, by the alarms' periods. One that rings before does not count.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  wait_for_steady_state              = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    enable   = true
    rollback = true
    alarm_names = [
      aws_cloudwatch_metric_alarm.rollout_quarantine.alarm_name,
      aws_cloudwatch_metric_alarm.rollout_lag.alarm_name,
    ]
  }

  # ECS takes another strategy (min_tasks, spot_weight) only together with a new deployment.
  force_new_deployment = true

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = var.min_tasks
    weight            = 1
  }

  dynamic "capacity_provider_strategy" {
    for_each = var.spot_weight > 0 ? [var.spot_weight] : []

    content {
      capacity_provider = "FARGATE_SPOT"
      weight            = capacity_provider_strategy.value
    }
  }

  availability_zone_rebalancing = "ENABLED"

  network_configuration {
    assign_public_ip = false
    security_groups  = [aws_security_group.tasks.id]
    subnets          = data.aws_subnet.tasks[*].id
  }

  enable_execute_command  = false
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  # Twenty minutes by default: new tasks, old ones that drain, and the time for which ECS watches the alarms.
  timeouts {
    create = "60m"
    update = "60m"
  }

  lifecycle {
    ignore_changes = [desired_count] # the scaling's
  }

  # The roles' permissions go after the tasks that need them.
  depends_on = [
    aws_ecs_cluster_capacity_providers.this,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_iam_role_policy_attachment.task,
  ]
}
