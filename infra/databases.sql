-- Run once, when the container's cluster is made; `make up` does the same in infra/servers/postgres.py.
CREATE DATABASE mlflow;
CREATE DATABASE mlflow_auth;
CREATE DATABASE prefect;
\connect mlflow
CREATE EXTENSION pg_trgm;
\connect mlflow_auth
CREATE EXTENSION pg_trgm;
\connect prefect
CREATE EXTENSION pg_trgm;
