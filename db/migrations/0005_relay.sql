-- The outbox is emptied as fast as it fills: the relay takes the oldest first, and dead rows must not pile up in front.
CREATE INDEX outbox_by_age ON outbox (log_time);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
