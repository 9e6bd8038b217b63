"""What people say: names of keypoints, ratings, worklists."""
