"""The contract that both sides of the log import: events, Avro, topic names, key, partitioner."""
