# For 50,000 records a second.
architecture = "ARM64"
task_cpu     = 1024
task_memory  = 2048
min_tasks    = 6
max_tasks    = 12
