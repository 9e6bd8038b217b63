"""From two volumes to one trustworthy alignment: detect, align, refine, report."""
