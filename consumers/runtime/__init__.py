"""The shell: Kafka, PostgreSQL and the clock around the pure core."""
