-- How a fold of the log that was made aside takes the place of the live rows: only what differs is written, so that
-- readers are never held up, and rows that were right keep what does not count (clocks, what operators decided).
-- {live} and {shadow} are the same table in both schemas, {same_key} and {condition} are made from `db.digest.TABLES`.

-- lock_positions: from here on no consumer commits, and none that is at it can
LOCK TABLE consumer_positions IN SHARE ROW EXCLUSIVE MODE

-- delete_others: live rows that the log does not make, or not like this
DELETE FROM {live} AS l
WHERE {condition} AND NOT EXISTS (
    SELECT 1 FROM {shadow} AS s
    WHERE {same_key} AND to_jsonb(s) - %(left_out)s::text[] = to_jsonb(l) - %(left_out)s::text[]
)

-- insert_missing: rows that only the log makes
INSERT INTO {live}
SELECT l.* FROM {shadow} AS l
WHERE {condition} AND NOT EXISTS (SELECT 1 FROM {live} AS s WHERE {same_key})

-- mend_outbox: what waits to be told is told as the log has it
UPDATE {live} AS l
SET value = s.value, log_time = s.log_time
FROM {shadow} AS s
WHERE {condition} AND {same_key} AND (l.value, l.log_time) IS DISTINCT FROM (s.value, s.log_time)

-- prune_outbox: what waits to be told, but never was
DELETE FROM {live} AS l
WHERE {condition} AND NOT EXISTS (SELECT 1 FROM {shadow} AS s WHERE {same_key})

-- extend_outbox: versions beyond those that the live groups had; all others were told before, or wait already
INSERT INTO {live}
SELECT l.* FROM {shadow} AS l
LEFT JOIN {live_groups} AS g USING (company_id, workspace_id)
WHERE {condition} AND l.version > coalesce(g.version, 0)
ON CONFLICT DO NOTHING

-- count_rewound: groups whose version goes back; who remembers the greater one hears nothing until it is passed
SELECT count(*)
FROM {live_groups} AS l
LEFT JOIN {shadow_groups} AS s USING (company_id, workspace_id)
WHERE {condition} AND coalesce(s.version, 0) < l.version

-- add_outcomes: what became of chosen companies' records, as the log has it less as it was ({share}: both by partition);
-- where inbox and letter box have not as many records as the log, rows were lost, but the counts were not
UPDATE {live} AS p
SET refreshed = p.refreshed + n.refreshed, deferred = p.deferred + n.deferred,
    superseded = p.superseded + n.superseded, ignored = p.ignored + n.ignored,
    duplicate = p.duplicate + n.duplicate, dead_letter = p.dead_letter + n.dead_letter
FROM ({share}) AS n
WHERE p.topic = %(topic)s AND p.kafka_partition = n.kafka_partition
  AND n.refreshed + n.deferred + n.superseded + n.ignored + n.duplicate + n.dead_letter = 0

-- outcome_share: outcomes of chosen companies' records by partition, as inbox and letter box have them, times {sign}
SELECT kafka_partition,
       {sign} * count(*) FILTER (WHERE outcome = 'refreshed') AS refreshed,
       {sign} * count(*) FILTER (WHERE outcome = 'deferred') AS deferred,
       {sign} * count(*) FILTER (WHERE outcome = 'superseded') AS superseded,
       {sign} * count(*) FILTER (WHERE outcome = 'ignored') AS ignored,
       {sign} * coalesce(sum(deliveries - 1), 0) AS duplicate,
       {sign} * count(*) FILTER (WHERE outcome = 'dead_letter') AS dead_letter
FROM (
    SELECT kafka_partition, outcome, deliveries FROM {events} WHERE company_id = ANY (%(companies)s::text[])
    UNION ALL
    SELECT kafka_partition, 'dead_letter', 1 FROM {letters}
    WHERE topic = %(topic)s AND company_id = ANY (%(companies)s::text[])
) AS outcomes
GROUP BY kafka_partition

-- take_positions: all outcomes as the fold aside counted them
UPDATE {live} AS p
SET log_time = s.log_time, consumed = s.consumed, refreshed = s.refreshed, deferred = s.deferred,
    superseded = s.superseded, ignored = s.ignored, duplicate = s.duplicate, dead_letter = s.dead_letter, tick = s.tick
FROM {shadow} AS s
WHERE p.topic = %(topic)s AND s.topic = p.topic AND s.kafka_partition = p.kafka_partition

-- next_epoch: whatever was computed from the rows of before cannot be committed any more
UPDATE {live} SET epoch = epoch + 1 WHERE topic = %(topic)s
