"""Load for the whole worker: a null Kinesis before it, a null DynamoDB behind it, and what it costs between them."""
