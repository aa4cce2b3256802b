-- Webhooks that nobody could read.

-- keep: a webhook that could not be read
INSERT INTO webhook_dead_letters (source, body_sha256, body, field, reason, received_at)
VALUES (%(source)s, sha256(%(body)s), %(body)s, %(field)s, %(reason)s, from_ms(%(received_at)s))
ON CONFLICT (source, body_sha256) DO UPDATE SET deliveries = webhook_dead_letters.deliveries + 1
