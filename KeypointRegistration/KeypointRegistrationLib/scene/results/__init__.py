"""Registrations in the scene: their nodes, their records, and corrections of them."""
