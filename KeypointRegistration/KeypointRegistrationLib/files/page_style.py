"""How the page of a result looks, on a screen and on A4 paper."""

from __future__ import annotations

STYLE = """\
@page { size: A4; margin: 15mm; }
body { font: 11pt/1.45 "Helvetica Neue", Arial, sans-serif; color: #1c1c1e; background: #ffffff;
  max-width: 58rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 1.8rem 0 0.5rem; border-bottom: 1px solid #c8c8cc; break-after: avoid; }
header p { margin: 0.2rem 0 1rem; color: #5a5a60; }
.verdict { padding: 0.7rem 1rem; border-left: 6px solid; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.verdict ul { margin: 0.3rem 0 0; padding-left: 1.2rem; }
.good { background: #e3f3e4; border-color: #2e7d32; color: #174a1c; }
.check { background: #fdf3d3; border-color: #b78103; color: #4d3900; }
.alarm { background: #fae0de; border-color: #b3261e; color: #6b120c; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.6rem 0.25rem 0; border-bottom: 1px solid #e4e4e8; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
.numbers th { width: 24%; }
.numbers td:nth-child(2) { white-space: nowrap; padding-right: 1.2rem; }
.numbers td:nth-child(3) { color: #5a5a60; }
.keypoints { font-size: 0.8rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.keypoints th, .keypoints td { padding: 0.12rem 0.6rem 0.12rem 0; }
.keypoints td:nth-child(3), .keypoints td:nth-child(4) { white-space: nowrap; }
.provenance td:first-child { width: 26%; color: #5a5a60; }
.provenance td { overflow-wrap: anywhere; }
.matrix { font: 0.8rem/1.4 Consolas, Menlo, monospace; margin: 0.5rem 0; }
figure { margin: 0.8rem 0; break-inside: avoid; }
img { width: 100%; height: auto; display: block; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
figcaption { font-size: 0.85rem; color: #5a5a60; margin-top: 0.25rem; }
@media print { html { font-size: 9.5pt; } body { font-size: 9.5pt; padding: 0; max-width: none; } }
footer { margin-top: 2rem; padding-top: 0.6rem; border-top: 2px solid #1c1c1e; font-weight: bold; }
"""
