"""The worker's one port: page, /metrics, /healthz, /readyz."""
