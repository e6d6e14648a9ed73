"""SQuAD v1.1 as the official JSON files have it: articles of paragraphs of questions.

A row is a question under its official id; its gold is every different accepted answer, one a line, the first of them
what a model is taught. Rows of SQuAD 2.0 that have no answer are refused, as that is another task.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nlu_rl.data.checks import Refusal, SplitRows
from nlu_rl.data.official import ImportResult, Raw, collect
from nlu_rl.data.schema import get_schema
from nlu_rl.data.tsv import read_bytes
from nlu_rl.errors import DataError

FILES = {"train": "train-v1.1.json", "validation": "dev-v1.1.json"}


def import_squad(path: Path, *, split: str | None = None, strict: bool = False) -> ImportResult:
    """Read the official folder, or one file of it, and put its rows into the cache.

    Of a file, the split follows from its name (train or dev) unless `split` says it.

    Raises:
        DataError: nothing to import, a file that is not SQuAD's, or, with `strict`, a refused row. Nothing is written
            then.
    """
    result = ImportResult()
    if path.is_dir():
        for name, file_name in FILES.items():
            if (path / file_name).exists():
                result.splits.append(read_split(path / file_name, name))
        if not result.splits:
            raise DataError(f"{path} holds neither {' nor '.join(FILES.values())}.", "Give such a folder, or a file.")
    else:
        result.splits.append(read_split(path, split or _split_of(path)))
    result.write(strict=strict)
    return result


def _split_of(path: Path) -> str:
    name = path.name.casefold()
    split = "train" if "train" in name else "validation" if "dev" in name or "val" in name else ""
    if not split:
        raise DataError(f"The name of {path} does not say which split it is.", "Add --split train or validation.")
    return split


def read_split(path: Path, split: str) -> SplitRows:
    """Return the questions of a file, and the refused ones by their number in it.

    Raises:
        DataError: not JSON, not SQuAD's, or not one usable question.
    """
    try:
        articles = json.loads(read_bytes(path))["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{path} is not a SQuAD file.", 'Give a JSON file with "data" in it, as SQuAD v1.1.') from None
    part = collect(get_schema("squad"), split, f"official SQuAD file {path.name}", path, _raws(articles))
    part.refused = [Refusal(refusal.line, refusal.reason, unit="question") for refusal in part.refused]
    return part


def _raws(articles: Any) -> Iterator[tuple[int, Raw | Refusal]]:
    number = 0
    for article in articles if isinstance(articles, list) else ():
        for paragraph in article.get("paragraphs", ()):
            for question in paragraph.get("qas", ()):
                number += 1
                yield number, _raw(number, paragraph, question)


def _raw(number: int, paragraph: Any, question: Any) -> Raw | Refusal:
    try:
        if question.get("is_impossible"):
            return Refusal(number, "it has no answer (SQuAD 2.0)")
        answers = [" ".join(answer["text"].split()) for answer in question.get("answers", ())]
        texts = {"context": paragraph["context"], "question": question["question"]}
        if not all(isinstance(text, str) for text in texts.values()):
            return Refusal(number, "a text is not a text")
        return str(question["id"]), texts, "\n".join(dict.fromkeys(answers)) or None
    except (KeyError, TypeError, AttributeError) as error:
        return Refusal(number, f"not as the official file has it: {error}")
