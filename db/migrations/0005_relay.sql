-- The outbox is emptied as fast as it fills: the relay takes the oldest first, and dead rows must not pile up in front.
CREATE INDEX outbox_by_age ON outbox (log_time);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- How long the oldest change has waited that no refresh covers: asked every few seconds, whatever the number of companies.
CREATE INDEX companies_pending ON companies (kafka_partition, pending_since) WHERE pending_since IS NOT NULL;
