"""SQuAD v1.1 as the official JSON files have it: articles of paragraphs of questions.

A row is a question under its official id; its gold is every different accepted answer, one a line, the first of them
what a model is taught. Refused are questions without an answer, as those of SQuAD 2.0, which is another task; answers
that do not stand in the passage; and a question's id that came before, as predictions are told apart by it.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nlu_rl.data.checks import Refusal, SplitRows
from nlu_rl.data.official import ImportResult, Raw, collect, unlike_official
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
    if not path.exists():
        raise DataError(f"{path} is not there.", "Give the official folder, or one file of it.")
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
    source = f"official SQuAD file {path.name}"
    part = collect(get_schema("squad"), split, source, path, _raws(articles, split), own_ids=True)
    part.refused = [Refusal(refusal.line, refusal.reason, unit="question") for refusal in part.refused]
    return part


def _raws(articles: Any, split: str) -> Iterator[tuple[int, Raw | Refusal]]:
    for number, (paragraph, question) in enumerate(_questions(articles), start=1):
        yield number, _raw(number, paragraph, question, split)


def _questions(articles: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every question with its paragraph; of an article or paragraph that is none, a question that is none."""
    for article in _list(articles):
        for paragraph in _list(article.get("paragraphs") if isinstance(article, dict) else [None]):
            for question in _list(paragraph.get("qas") if isinstance(paragraph, dict) else [None]):
                yield paragraph, question


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _raw(number: int, paragraph: Any, question: Any, split: str) -> Raw | Refusal:
    if not isinstance(question, dict):
        return Refusal(number, "an article, a paragraph or a question is not as the official file has it")
    try:
        if question.get("is_impossible"):
            return Refusal(number, "it has no answer (SQuAD 2.0)")
        answers = [answer["text"] for answer in question.get("answers", ())]
        texts = {"context": paragraph["context"], "question": question["question"]}
        if not all(isinstance(text, str) for text in texts.values()):
            return Refusal(number, "a text is not a text")
        row_id = str(question["id"])
        if not isinstance(question["id"], str | int) or not row_id:
            return Refusal(number, "its id is no text")
        if split == "test" and not any(answers):
            return row_id, texts, None
        return row_id, texts, accepted_answers(texts["context"], answers)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Refusal(number, unlike_official(error))


def accepted_answers(context: str, answers: Iterable[str]) -> str:
    """Return the different answers, one a line. Raises ValueError where there is none, or one is not of the passage."""
    found = list(filter(None, dict.fromkeys(" ".join(answer.split()) for answer in answers)))
    if not found:
        raise ValueError("it has no answer")
    passage = " ".join(context.split())
    for answer in found:
        if answer not in passage:
            raise ValueError(f"its answer '{answer}' does not stand in the passage")
    return "\n".join(found)
