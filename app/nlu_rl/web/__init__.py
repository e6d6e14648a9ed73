"""The terminal interface in a browser, by textual-serve: one interface process for every open page.

The page is ours: everything it needs comes from this server. Pages are readers like any other watcher; closing one
touches no run.
"""
