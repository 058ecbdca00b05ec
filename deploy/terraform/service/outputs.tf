output "name" {
  description = "Of cluster, service, task definition and roles."
  value       = var.name
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = local.cluster_name
}

output "cluster_arn" {
  description = "Its ARN."
  value       = local.cluster_arn
}

output "service_name" {
  description = "The ECS service."
  value       = aws_ecs_service.this.name
}

output "service_arn" {
  description = "Its ARN."
  value       = aws_ecs_service.this.id
}

output "security_group_id" {
  description = "The tasks' security group, for VPC endpoints that let it in."
  value       = aws_security_group.tasks.id
}

output "task_role_arn" {
  description = "The worker's role, for policies of keys and secrets that are not these modules'."
  value       = aws_iam_role.task.arn
}

output "execution_role_arn" {
  description = "The role that starts tasks, likewise."
  value       = aws_iam_role.execution.arn
}
