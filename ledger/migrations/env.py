"""Alembic environment: uses the connection that `firewarden.ledger.migrate` opened."""

from alembic import context

from firewarden.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
