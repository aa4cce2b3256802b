-- Runs of steps that other pipelines ask for.

-- hold: take a run for ourselves as long as the connection lasts; a server whose client is gone notices within a minute
SELECT pg_try_advisory_lock(hashtextextended(
           concat_ws(E'\x1f', 'person-changes', current_schema(), %(company_id)s::text, %(step)s::text, %(key)s::text), 0
       )),
       set_config('tcp_keepalives_idle', '20', false), set_config('tcp_keepalives_interval', '10', false),
       set_config('tcp_keepalives_count', '3', false)

-- release: let others have it
SELECT pg_advisory_unlock(hashtextextended(
    concat_ws(E'\x1f', 'person-changes', current_schema(), %(company_id)s::text, %(step)s::text, %(key)s::text), 0
))

-- begin: a run that is new, failed, was left behind, or whose output was forgotten; no row when it needs none
INSERT INTO pipeline_operations AS o (company_id, step, idempotency_key, input_hash, status)
VALUES (%(company_id)s, %(step)s, %(key)s, %(input_hash)s, 'running')
ON CONFLICT (company_id, step, idempotency_key) DO UPDATE
SET status = 'running', error = NULL, duration_ms = NULL, finished_at = NULL, attempts = o.attempts + 1
WHERE o.input_hash = excluded.input_hash AND (o.status <> 'succeeded' OR o.output IS NULL)
RETURNING attempts, to_ms(created_at), to_ms(now())

-- look: what is known of a run
SELECT input_hash, output FROM pipeline_operations
WHERE company_id = %(company_id)s AND step = %(step)s AND idempotency_key = %(key)s

-- finish: how a run ended; no row when another has begun it again
UPDATE pipeline_operations
SET status = %(status)s, output = %(output)s::jsonb, error = %(error)s, duration_ms = %(duration_ms)s,
    finished_at = now()
WHERE company_id = %(company_id)s AND step = %(step)s AND idempotency_key = %(key)s
  AND status = 'running' AND attempts = %(attempt)s
RETURNING attempts

-- lately: what pipelines ran, the latest first
SELECT company_id, step, idempotency_key, status, attempts, error, duration_ms, to_ms(created_at), to_ms(finished_at)
FROM pipeline_operations
WHERE step <> 'save_buyer_group'
  AND (%(status)s::text IS NULL OR status = %(status)s) AND (%(step)s::text IS NULL OR step = %(step)s)
ORDER BY created_at DESC, company_id, step, idempotency_key
LIMIT %(limit)s

-- of_company: what ran for a company, the consumer's own step too, the latest first
SELECT company_id, step, idempotency_key, status, attempts, error, duration_ms, to_ms(created_at), to_ms(finished_at)
FROM pipeline_operations
WHERE company_id = %(company_id)s
  AND (%(status)s::text IS NULL OR status = %(status)s) AND (%(step)s::text IS NULL OR step = %(step)s)
ORDER BY created_at DESC, company_id, step, idempotency_key
LIMIT %(limit)s
