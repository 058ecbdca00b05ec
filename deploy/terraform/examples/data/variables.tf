variable "stream_mode" {
  description = "PROVISIONED or ON_DEMAND."
  type        = string
}

variable "shard_count" {
  description = "Shards of a provisioned stream."
  type        = number
}

variable "output_warm_write_units" {
  description = "Units of writing for which the output table is warmed up. 0 is what each table has."
  type        = number
}
