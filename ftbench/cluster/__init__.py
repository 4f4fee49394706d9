"""Several cells side by side, each in a process of its own: an executor on Dask's distributed."""
