"""The same pipeline, as AWS Lambda functions."""
