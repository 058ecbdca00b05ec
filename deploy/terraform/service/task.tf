locals {
  # Pipeline processes: one for each vCPU, said here because Fargate shows a container more cores than it may use. The
  # worker's CPU units: what the collector leaves. A container without any comes last when the CPU is scarce.
  processes     = max(1, floor(var.task_cpu / 1024))
  collector_cpu = 64

  # Keeps only those that have a value.
  environment = {
    for name, value in {
      AWS_REGION                         = local.region
      SANITIZER_STREAM__NAME             = var.data.stream_name
      SANITIZER_KCL__APPLICATION         = var.data.application_name
      SANITIZER_KCL__RETRIEVAL_MODE      = var.retrieval_mode
      SANITIZER_KCL__CONSUMER_ARN        = one(aws_kinesis_stream_consumer.this[*].arn)
      SANITIZER_OUTPUT__TABLE            = var.data.output_table_name
      SANITIZER_OUTPUT__TTL_DAYS         = tostring(var.output_ttl_days)
      SANITIZER_OUTPUT__WRITE_MODE       = var.write_mode
      SANITIZER_QUARANTINE__TABLE        = var.data.quarantine_table_name
      SANITIZER_PIPELINE__PROCESSES      = tostring(local.processes)
      SANITIZER_LOGS__CLOUDWATCH_METRICS = "true" # scaling and alarms go by them
      # Inside of the volume, whatever its mode: the worker refuses a folder that others can write to.
      SANITIZER_RUNTIME_DIR     = "/run/sanitizer/worker"
      SANITIZER_CONFIG          = var.settings_file
      SANITIZER_REDACTION__KEYS = var.keys_secret_arn # the ARN; the worker reads the secret
    } : name => value if value != null
  }

  worker = {
    name      = "sanitizer"
    image     = "${local.registry}/${var.image_repository}${var.image_digest == null ? ":${var.image_tag}" : "@${var.image_digest}"}"
    essential = true
    cpu       = var.task_cpu - local.collector_cpu
    command   = ["run"]
    user      = "10001:10001"

    readonlyRootFilesystem = true
    linuxParameters = {
      initProcessEnabled = true # reaps the children of a JVM that died
      capabilities       = { drop = ["ALL"] }
    }

    # Fargate's most. On SIGTERM the worker drains for at most kcl.shutdown_grace_ms, hands its leases over and ends;
    # from what ECS has to kill, KCL takes minutes to recover.
    stopTimeout = 120

    environment = [for name, value in local.environment : { name = name, value = value }]
    secrets     = [{ name = "SANITIZER_QUARANTINE__FINGERPRINT_KEY", valueFrom = var.data.fingerprint_secret_arn }]

    mountPoints = [
      { sourceVolume = "runtime", containerPath = "/run/sanitizer", readOnly = false },
      { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
    ]
    portMappings = [{ name = "metrics", containerPort = 9464, hostPort = 9464, protocol = "tcp" }]

    # For a Prometheus of one's own: the ecs_observer extension of an OpenTelemetry collector finds tasks by them.
    dockerLabels = {
      ECS_PROMETHEUS_EXPORTER_PORT = "9464"
      ECS_PROMETHEUS_METRICS_PATH  = "/metrics"
      ECS_PROMETHEUS_JOB_NAME      = "kinesis-sanitizer-${var.name}" # a job is an application, for the rules
    }

    # Fails only where a new container helps: an idle stream, or a table that throttles, is healthy.
    healthCheck = {
      command = [
        "CMD", "python3", "-I", "-S", "-c",
        "import http.client as h; c = h.HTTPConnection('127.0.0.1', 9464, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)",
      ]
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = 120 # the first leases, at worst
    }
    ulimits = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]

    # A slow log service must not hold records up: lines beyond the buffer are dropped. The metrics are the accounts.
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.data.log_group_name
        awslogs-region        = local.region
        awslogs-stream-prefix = "worker"
        mode                  = "non-blocking"
        max-buffer-size       = "10m"
      }
    }
  }

  # AWS Distro for OpenTelemetry.
  collector = {
    name = "collector"
    image = join("", [
      var.collector_repository == null ? "public.ecr.aws/aws-observability/aws-otel-collector" : "${local.registry}/${var.collector_repository}",
      var.collector_digest == null ? ":v0.49.0" : "@${var.collector_digest}",
    ])
    essential     = false # a worker without it works, and its alarms are CloudWatch's
    restartPolicy = { enabled = true, restartAttemptPeriod = 60 }
    cpu           = local.collector_cpu
    memory        = 192
    user          = "4317:4317"

    readonlyRootFilesystem = true
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }

    environment = [{
      name = "AOT_CONFIG_CONTENT"
      value = !local.has_collector ? null : templatefile("${path.module}/collector.yaml.tftpl", {
        job          = "kinesis-sanitizer-${var.name}"
        region       = local.region
        dns_suffix   = data.aws_partition.current.dns_suffix
        workspace_id = var.prometheus_workspace_id
      })
    }]

    healthCheck = {
      command     = ["CMD", "/healthcheck"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 15
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.data.log_group_name
        awslogs-region        = local.region
        awslogs-stream-prefix = "collector"
        mode                  = "non-blocking"
        max-buffer-size       = "1m"
      }
    }
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_cpu
  memory                   = var.task_memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  skip_destroy             = true # the revision before is the one that ECS rolls back to

  container_definitions = local.has_collector ? jsonencode([local.worker, local.collector]) : jsonencode([local.worker])

  runtime_platform {
    cpu_architecture        = var.architecture
    operating_system_family = "LINUX"
  }

  # Fargate has no tmpfs. The Dockerfile declares both paths: a volume takes owner and mode from the image only then,
  # and is root's otherwise.
  volume {
    name = "runtime"
  }

  volume {
    name = "tmp"
  }
}
