"""The file system's side: scans and transforms in; transform, keypoints, pictures and reports out.  SimpleITK."""
