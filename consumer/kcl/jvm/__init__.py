"""The JVM that the daemon runs in: which Java, its options, its jars, and the classes put before those of KCL."""
