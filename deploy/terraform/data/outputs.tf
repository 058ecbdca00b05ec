# What the modules service, operators and alarms take. Both ways to an ARN give the same text, so that a table may come
# to this module, or leave it, while the service runs.

output "application_name" {
  description = "The KCL application."
  value       = var.application_name
}

output "stream_name" {
  description = "The stream that is read; producers put records here."
  value       = var.create_stream ? aws_kinesis_stream.this[0].name : var.stream_name
}

output "stream_arn" {
  description = "Its ARN."
  value       = var.create_stream ? aws_kinesis_stream.this[0].arn : "arn:${local.partition}:kinesis:${local.place}:stream/${var.stream_name}"
}

output "stream_kms_key_arn" {
  description = "Its key; producers need kms:GenerateDataKey on it. That of the tables where an existing stream has none."
  value       = local.stream_kms_key_arn
}

output "output_table_name" {
  description = "The table of the sanitised documents."
  value       = var.create_tables ? aws_dynamodb_table.output[0].name : var.output_table_name
}

output "output_table_arn" {
  description = "Its ARN."
  value       = var.create_tables ? aws_dynamodb_table.output[0].arn : "${local.tables_arn}/${var.output_table_name}"
}

output "quarantine_table_name" {
  description = "The table of what could not be processed."
  value       = var.create_tables ? aws_dynamodb_table.quarantine[0].name : var.quarantine_table_name
}

output "quarantine_table_arn" {
  description = "Its ARN."
  value       = var.create_tables ? aws_dynamodb_table.quarantine[0].arn : "${local.tables_arn}/${var.quarantine_table_name}"
}

output "lease_table_arn" {
  description = "KCL's table of leases and checkpoints."
  value       = var.create_tables ? aws_dynamodb_table.lease[0].arn : "${local.tables_arn}/${var.application_name}"
}

output "worker_metrics_table_arn" {
  description = "KCL's table of what each worker carries."
  value       = var.create_tables ? aws_dynamodb_table.worker_metrics[0].arn : "${local.tables_arn}/${var.application_name}-WorkerMetricStats"
}

output "coordinator_table_arn" {
  description = "KCL's table of its leader."
  value       = var.create_tables ? aws_dynamodb_table.coordinator[0].arn : "${local.tables_arn}/${var.application_name}-CoordinatorState"
}

output "kms_key_arn" {
  description = "The key of tables and logs."
  value       = local.kms_key_arn
}

output "fingerprint_secret_arn" {
  description = "The secret that keys fingerprints."
  value       = local.fingerprint_secret_arn

  # A task that starts needs the secret to have a value.
  depends_on = [aws_secretsmanager_secret_version.fingerprint]
}

output "fingerprint_kms_key_arn" {
  description = "Its key."
  value       = local.fingerprint_kms_key_arn
}

output "log_group_name" {
  description = "The logs, for `aws logs tail`."
  value       = aws_cloudwatch_log_group.this.name
}

output "log_group_arn" {
  description = "Their ARN, of the group and its streams."
  value       = "${aws_cloudwatch_log_group.this.arn}:*"
}
