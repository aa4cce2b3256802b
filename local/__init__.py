"""Embedded Kafka and PostgreSQL for one machine."""
