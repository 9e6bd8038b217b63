"""The process that holds torch: requests in, progress and results out.  Slicer's own process never loads torch.

``protocol`` and ``inbox`` are the language, ``client`` and ``process`` the panel's side, ``__main__`` and ``service`` the
process's.  All but ``service`` and ``tracking`` are standard library only.
"""
