"""What queue-anomaly knows about job runs: clean runs, windows over them, baselines, and what breaks them."""
