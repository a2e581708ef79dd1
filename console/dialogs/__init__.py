"""What the console asks before it acts."""
