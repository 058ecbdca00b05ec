"""The embedded Kinesis: moto's ends shards wrongly (docs/decisions/0001)."""
