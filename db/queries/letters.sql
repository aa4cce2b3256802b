-- Dead letters for operators. {chosen} is the query `chosen`: the same choice for counting and for reading.

-- chosen: places of the letters that are meant; what is NULL chooses all
SELECT topic, kafka_partition, kafka_offset
FROM dead_letters
WHERE (%(status)s::text IS NULL OR status = %(status)s)
AND (%(reason)s::text IS NULL OR strpos(lower(reason), lower(%(reason)s)) > 0)
AND (%(company)s::text IS NULL OR company_id = %(company)s OR key = convert_to(%(company)s, 'UTF8'))
AND (%(since)s::bigint IS NULL OR log_time >= from_ms(%(since)s))
AND (
    %(topics)s::text[] IS NULL
    OR (topic, kafka_partition, kafka_offset) IN (
        SELECT * FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(offsets)s::bigint[])
    )
)

-- count: how many letters are meant
SELECT count(*) FROM ({chosen}) AS chosen

-- read: letters after a place in the order of topic, partition and offset
SELECT topic, kafka_partition, kafka_offset, company_id, key, value, headers, to_ms(log_time), reason, status,
       to_ms(created_at), to_ms(settled_at), settled_why
FROM dead_letters JOIN ({chosen}) AS chosen USING (topic, kafka_partition, kafka_offset)
WHERE (topic, kafka_partition, kafka_offset) > (%(after_topic)s, %(after_partition)s, %(after_offset)s)
ORDER BY topic, kafka_partition, kafka_offset
LIMIT %(limit)s

-- settle: letters that wait for nobody any more
UPDATE dead_letters AS d
SET status = %(status)s, settled_at = clock_timestamp(), settled_why = n.why
FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(offsets)s::bigint[], %(whys)s::text[])
    AS n (topic, kafka_partition, kafka_offset, why)
WHERE d.topic = n.topic AND d.kafka_partition = n.kafka_partition AND d.kafka_offset = n.kafka_offset
