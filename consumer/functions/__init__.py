"""The worker's redaction and pipeline as AWS Lambda functions, of which `handlers` is what Lambda is given."""
