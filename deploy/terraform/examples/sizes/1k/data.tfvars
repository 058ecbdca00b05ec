# For 1,000 records a second.
stream_mode             = "PROVISIONED"
shard_count             = 2
output_warm_write_units = 0
