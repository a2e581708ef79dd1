"""What the queue-anomaly detector knows about job runs: clean runs, windows over them, baselines, and what broke them."""
