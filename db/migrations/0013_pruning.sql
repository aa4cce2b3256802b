-- The inbox is pruned by age, a partition at a time (prune_inbox), so its age is looked up by partition. A BRIN index
-- would have to be summarised anew once the room of deleted rows is used again: its ranges would then hold every age.
DROP INDEX webhook_events_by_age;
CREATE INDEX webhook_events_by_age ON webhook_events (kafka_partition, log_time);
