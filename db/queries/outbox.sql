-- The relay's queries.

-- claim: whether this connection is now, until it ends, the one that empties the outbox of this schema
SELECT pg_try_advisory_lock(%(purpose)s, 'outbox'::regclass::oid::int)

-- read_heads: the earliest waiting version of each group, the oldest first
SELECT company_id, workspace_id, version, topic, value, to_ms(log_time)
FROM outbox AS o
WHERE NOT EXISTS (
    SELECT FROM outbox AS e
    WHERE e.company_id = o.company_id AND e.workspace_id = o.workspace_id AND e.version < o.version
)
ORDER BY o.log_time, o.company_id, o.workspace_id
LIMIT %(limit)s

-- delete_sent: what the broker has acknowledged
DELETE FROM outbox AS o
USING unnest(%(company_id)s::text[], %(workspace_id)s::text[], %(version)s::bigint[])
    AS n (company_id, workspace_id, version)
WHERE o.company_id = n.company_id AND o.workspace_id = n.workspace_id AND o.version = n.version

-- read_backlog: how many messages wait, and for how many ms the oldest, by the server's clock
SELECT count(*), greatest(0, coalesce(to_ms(clock_timestamp()) - to_ms(min(log_time)), 0)) FROM outbox
