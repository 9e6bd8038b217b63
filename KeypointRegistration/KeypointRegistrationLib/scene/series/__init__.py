"""Time series of scans: sequences of the scene as frames to follow a head through, and what was found of each of them."""
