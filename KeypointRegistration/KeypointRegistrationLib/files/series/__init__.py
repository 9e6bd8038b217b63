"""Time series of scans from disk, and what became of their frames to disk."""
