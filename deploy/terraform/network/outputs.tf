output "vpc_id" {
  description = "Variable vpc_id of the module service."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Variable subnet_ids."
  value       = [for subnet in aws_subnet.this : subnet.id]
}

output "endpoints" {
  description = "Variable endpoints."
  value = {
    security_group_id       = aws_security_group.endpoints.id
    dynamodb_prefix_list_id = aws_vpc_endpoint.gateway["dynamodb"].prefix_list_id
    s3_prefix_list_id       = aws_vpc_endpoint.gateway["s3"].prefix_list_id
  }
}
