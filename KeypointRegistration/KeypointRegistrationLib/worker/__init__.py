"""The process that holds torch: requests in, progress and results out.  Standard library only."""
