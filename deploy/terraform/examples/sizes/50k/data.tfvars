# For 50,000 records a second.
stream_mode             = "PROVISIONED"
shard_count             = 60
output_warm_write_units = 75000
