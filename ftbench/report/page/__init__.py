"""A results folder as one file that a browser opens without a network."""

from ftbench.report.page.write import PAGE, page, write_kept_page, write_page

__all__ = ["PAGE", "page", "write_kept_page", "write_page"]
