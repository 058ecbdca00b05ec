# For 1,000 records a second.
architecture = "ARM64"
task_cpu     = 512
task_memory  = 1024
min_tasks    = 2
max_tasks    = 2
