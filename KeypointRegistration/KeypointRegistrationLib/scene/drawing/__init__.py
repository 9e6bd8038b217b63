"""What is drawn of keypoints in the views: heatmaps, spreads, residuals, predicted error."""
