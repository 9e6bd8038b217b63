"""The process that holds torch: a request in, progress and a result out.  Slicer's own process never loads torch.

``protocol`` is the language, ``client`` the panel's side, ``__main__`` the process.  The first two are stdlib only.
"""
