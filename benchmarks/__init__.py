"""What we claim, and the commands that measure it. Timings belong here, never in a test."""
