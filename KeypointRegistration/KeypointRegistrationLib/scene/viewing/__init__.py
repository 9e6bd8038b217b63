"""What the views show and where they are: jumping, comparing, clicking."""
