"""A model hub of our own over HTTP: as much of the hub's interface as its client libraries use to fetch.

Models and data sets are repositories of files in memory. What lies in the repositories of the benchmarks is made from
their official files by `benchmarks`, in the layout that the hub has them.
"""

from hub_server.repository import Repository, model_repository
from hub_server.server import HubServer, serving

__all__ = ["HubServer", "Repository", "model_repository", "serving"]
