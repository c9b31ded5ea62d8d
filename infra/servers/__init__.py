"""PostgreSQL, MLflow, Prefect and a worker on one machine, without containers: `make up`, `make down`."""
