output "look_policy_arn" {
  description = "For those who look; documents, too, and no record."
  value       = aws_iam_policy.look.arn
}

output "repair_policy_arn" {
  description = "For those who replay, backfill, audit and produce, beside the first."
  value       = aws_iam_policy.repair.arn
}

output "incident_policy_arn" {
  description = "For on-call in an incident, beside the first."
  value       = aws_iam_policy.incident.arn
}
