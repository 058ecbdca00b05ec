# For 10,000 records a second.
stream_mode             = "PROVISIONED"
shard_count             = 12
output_warm_write_units = 15000
