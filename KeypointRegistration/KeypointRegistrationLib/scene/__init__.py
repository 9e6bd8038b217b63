"""MRML: volumes in; transforms, markups, heatmaps, tables and layouts out."""
