"""Training: one loop for every family, runs as separate processes, a command line."""
