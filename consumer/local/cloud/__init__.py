"""The embedded cloud: Kinesis, DynamoDB and what else moto knows, in one process on one port."""
