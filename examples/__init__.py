"""Small real jobs, one a task family: `make example NAME=spam`."""
