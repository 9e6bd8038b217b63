"""From a volume to probabilistic keypoints: networks, probability maps and model bundles.  The home of torch."""
