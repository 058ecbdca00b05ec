"""The worker's one port: status page, /metrics, /healthz, /readyz."""
