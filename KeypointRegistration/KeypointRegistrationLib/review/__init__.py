"""What people say of registrations, as plain values: names of keypoints, ratings, lists of pairs to work through."""
