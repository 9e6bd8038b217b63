"""Following the motion of a head through a time series of scans."""
