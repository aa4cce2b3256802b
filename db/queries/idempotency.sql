-- Requests with an Idempotency-Key.

-- claim: take a key that is new, expired, or left unanswered by a request that died; no row when it is somebody else's
INSERT INTO idempotency_keys AS k (token_id, idempotency_key, fingerprint, event_id, leased_until, expires_at)
VALUES (%(token_id)s, %(key)s, %(fingerprint)s, %(event_id)s, now() + make_interval(secs => %(lease)s),
        now() + make_interval(secs => %(keep)s))
ON CONFLICT (token_id, idempotency_key) DO UPDATE
SET fingerprint = excluded.fingerprint,
    -- A request that died may have published: who repeats it publishes the same event.
    event_id = CASE WHEN k.expires_at <= now() THEN excluded.event_id ELSE k.event_id END,
    answer = NULL,
    leased_until = excluded.leased_until,
    expires_at = excluded.expires_at
WHERE k.expires_at <= now()
   OR (k.answer IS NULL AND k.leased_until <= now() AND k.fingerprint = excluded.fingerprint)
RETURNING event_id

-- look: what is known of a key
SELECT fingerprint, answer FROM idempotency_keys WHERE token_id = %(token_id)s AND idempotency_key = %(key)s

-- answer: keep what was answered
UPDATE idempotency_keys SET answer = %(answer)s
WHERE token_id = %(token_id)s AND idempotency_key = %(key)s AND event_id = %(event_id)s

-- release: the request failed and may be repeated at once
UPDATE idempotency_keys SET leased_until = now()
WHERE token_id = %(token_id)s AND idempotency_key = %(key)s AND event_id = %(event_id)s AND answer IS NULL

-- forget: a few that have expired; each claim does it, so that the table needs no job
DELETE FROM idempotency_keys WHERE (token_id, idempotency_key) IN (
    SELECT token_id, idempotency_key FROM idempotency_keys WHERE expires_at <= now()
    ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED
)
