# For 10,000 records a second.
architecture = "ARM64"
task_cpu     = 1024
task_memory  = 2048
min_tasks    = 2
max_tasks    = 6
