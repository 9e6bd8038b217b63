"""Volumes, keypoints, transforms and their accuracy, in RAS millimetres.  numpy and scipy only."""
