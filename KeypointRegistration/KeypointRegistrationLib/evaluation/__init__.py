"""Metrics, peers and benchmark tables (optional extra ``eval``)."""
