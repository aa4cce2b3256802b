-- Tokens of the API.

-- create_token: a new one; only its hash is kept
INSERT INTO api_tokens (token_id, token_hash, name, scopes, workspace_id)
VALUES (%(token_id)s, %(token_hash)s, %(name)s, %(scopes)s::text[], %(workspace_id)s)
RETURNING token_id, name, scopes, workspace_id, to_ms(created_at), to_ms(revoked_at)

-- list_tokens: all of them, revoked ones too, the latest first
SELECT token_id, name, scopes, workspace_id, to_ms(created_at), to_ms(revoked_at)
FROM api_tokens
ORDER BY created_at DESC, token_id

-- revoke_token: the token counts no more; the first revocation is the one that is kept
UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now())
WHERE token_id = %(token_id)s
RETURNING token_id, name, scopes, workspace_id, to_ms(created_at), to_ms(revoked_at)

-- find_token: by its hash, unless it is revoked
SELECT token_hash, token_id, name, scopes, workspace_id
FROM api_tokens
WHERE token_hash = %(token_hash)s AND revoked_at IS NULL
