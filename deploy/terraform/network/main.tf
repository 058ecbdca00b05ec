# An example: a VPC without a way to the internet, in which the service runs by endpoints alone. Most companies have one
# already; then this shows which endpoints it needs.

data "aws_availability_zones" "here" {
  #checkov:skip=CKV_AWS_394:the first two of them, whichever come to be beside them
  state = "available"
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  service = "com.amazonaws.${data.aws_region.current.region}"
  place   = "${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"

  # A quarter of the addresses for each of two zones.
  subnets = {
    a = { zone = data.aws_availability_zones.here.names[0], number = 0 }
    b = { zone = data.aws_availability_zones.here.names[1], number = 1 }
  }

  endpoints = toset(concat(
    ["kinesis-streams", "logs", "ecr.api", "ecr.dkr", "secretsmanager"],
    var.with_prometheus ? ["aps-workspaces"] : [],
    var.with_glue ? ["glue"] : [],
    var.with_kms ? ["kms"] : [],
  ))
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_12:nothing here is in the default security group; a company's own rules for it go by the account
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true # the endpoints' names
  enable_dns_support   = true
}

resource "aws_subnet" "this" {
  for_each = local.subnets

  vpc_id            = aws_vpc.this.id
  availability_zone = each.value.zone
  cidr_block        = cidrsubnet(var.vpc_cidr, 24 - tonumber(split("/", var.vpc_cidr)[1]), each.value.number)
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route_table_association" "this" {
  for_each = aws_subnet.this

  subnet_id      = each.value.id
  route_table_id = aws_route_table.this.id
}

# Free of charge, and most of the traffic.
resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["dynamodb", "s3"])

  vpc_id            = aws_vpc.this.id
  vpc_endpoint_type = "Gateway"
  service_name      = "${local.service}.${each.key}"
  route_table_ids   = [aws_route_table.this.id]
}

# Without a rule for what goes out, nothing does.
resource "aws_security_group" "endpoints" {
  name_prefix = "endpoints-"
  description = "Interface endpoints, for whoever is in the VPC"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id = aws_security_group.endpoints.id
  description       = "From the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = var.vpc_cidr
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.endpoints

  vpc_id              = aws_vpc.this.id
  vpc_endpoint_type   = "Interface"
  service_name        = "${local.service}.${each.key}"
  private_dns_enabled = true
  security_group_ids  = [aws_security_group.endpoints.id]
  subnet_ids          = [for subnet in aws_subnet.this : subnet.id]
}

resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_158:addresses and ports, no content; CloudWatch Logs encrypts it with its own key
  name_prefix       = "/vpc/${aws_vpc.this.id}-"
  retention_in_days = var.flow_log_days
}

data "aws_iam_policy_document" "assume_flow" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

data "aws_iam_policy_document" "flow" {
  # What the VPC's guide asks for "at least".
  statement {
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.flow.arn}:*"]
  }

  # It lists.
  statement {
    actions   = ["logs:DescribeLogGroups"]
    resources = ["arn:${data.aws_partition.current.partition}:logs:${local.place}:log-group:*"]
  }
}

resource "aws_iam_role" "flow" {
  name_prefix        = "flow-logs-"
  assume_role_policy = data.aws_iam_policy_document.assume_flow.json
}

resource "aws_iam_role_policy" "flow" {
  name   = "write"
  role   = aws_iam_role.flow.id
  policy = data.aws_iam_policy_document.flow.json
}

resource "aws_flow_log" "this" {
  vpc_id               = aws_vpc.this.id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.flow.arn
  iam_role_arn         = aws_iam_role.flow.arn
}
