"""Synthetic scans from label maps, the losses and the training loop (optional extra ``train``)."""
