"""What every endpoint stands on: strict parsing, strict fields, permissions by method, pages, idempotency keys."""
