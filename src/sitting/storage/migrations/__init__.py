"""Alembic's scripts: how a schema becomes the next one, on both databases."""
