"""The worker's redaction and pipeline as AWS Lambda functions; docs/lambda.md. `handlers` is what Lambda is given."""
