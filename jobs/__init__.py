"""Batches asked for over HTTP: kept in the database, worked off by processes of their own."""
