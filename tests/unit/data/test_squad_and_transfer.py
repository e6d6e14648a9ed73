"""SQuAD's JSON, the transfer sets as they are published, and Amazon reviews."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.data.cache import read_rows
from nlu_rl.data.squad import import_squad
from nlu_rl.data.transfer import import_amazon, import_transfer
from nlu_rl.errors import DataError


def squad(*questions: dict[str, Any]) -> str:
    paragraph = {"context": "Ann came on 25 March. ", "qas": list(questions)}
    return json.dumps({"data": [{"title": "T", "paragraphs": [paragraph]}], "version": "1.1"})


def question(number: int, *answers: str, **more: Any) -> dict[str, Any]:
    given = [{"answer_start": 0, "text": text} for text in answers]
    return {"id": f"56be{number}", "question": f"Who {number}?", "answers": given, **more}


def test_squad(tmp_path: Path, home: Path) -> None:
    (tmp_path / "train-v1.1.json").write_text(squad(question(0, "Ann")))
    (tmp_path / "dev-v1.1.json").write_text(squad(question(1, "Ann", "came", "Ann"), question(2, "25\nMarch")))
    result = import_squad(tmp_path)
    assert [(part.split, part.labels) for part in result.splits] == [
        ("train", {"answered": 1}),
        ("validation", {"answered": 2}),
    ]
    assert read_rows("squad", "validation")[0] == {
        "id": "56be1",
        "fields": {"context": "Ann came on 25 March.", "question": "Who 1?"},
        "gold": "Ann\ncame",
    }
    assert read_rows("squad", "validation")[1]["gold"] == "25 March"


def test_questions_without_an_answer_are_refused_by_number(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "dev-v2.0.json"
    path.write_text(squad(question(0, is_impossible=True), question(1, "Ann"), question(2), {"question": "x"}))
    part = import_squad(path).splits[0]
    assert [str(refusal) for refusal in part.refused] == [
        "question 1: it has no answer (SQuAD 2.0)",
        "question 3: it has no answer",
        "question 4: no 'id' in it",
    ]
    with pytest.raises(DataError, match="3 rows are refused"):
        import_squad(path, strict=True)


def test_answers_of_another_passage_and_ids_that_come_again_are_refused(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text(squad(question(0, "Ann"), question(1, "Ann", "Bob"), question(0, "March"), question(2, " ")))
    part = import_squad(path).splits[0]
    assert [row["id"] for row in part.rows] == ["56be0"]
    assert [str(refusal) for refusal in part.refused] == [
        "question 2: its answer 'Bob' does not stand in the passage",
        "question 3: its id '56be0' is that of an earlier row",
        "question 4: it has no answer",
    ]


def test_questions_of_a_test_split_need_no_answer(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "questions.json"
    path.write_text(squad(question(0), question(1, "Ann")))
    assert [row["gold"] for row in import_squad(path, split="test").splits[0].rows] == [None, "Ann"]


@pytest.mark.parametrize("content", ["{", "[]", '{"data": 5}', '{"data": []}'])
def test_files_that_are_not_squad(tmp_path: Path, home: Path, content: str) -> None:
    path = tmp_path / "dev.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"dev\.json"):
        import_squad(path)


def test_squad_files_say_their_split(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "questions.json"
    path.write_text(squad(question(0, "Ann")))
    with pytest.raises(DataError, match="which split"):
        import_squad(path)
    assert import_squad(path, split="validation").splits[0].split == "validation"
    with pytest.raises(DataError, match=r"neither train-v1\.1\.json nor dev-v1\.1\.json"):
        import_squad(tmp_path)


def test_financial_phrasebank_is_latin_1_and_tells_the_damaged_line(tmp_path: Path, home: Path) -> None:
    lines = [
        "Nordea\xe4 wrote to a@b.fi .@neutral",
        "1",
        "Sales rose .@positive",
        "Sales rose .@so so",
        "Sales fell .@ ",
        "",
    ]
    (tmp_path / "Sentences_AllAgree.txt").write_bytes("\r\n".join(lines).encode("latin-1"))
    (tmp_path / "Sentences_50Agree.txt").write_bytes(b"x@neutral")
    result = import_transfer(tmp_path)
    assert [str(refusal) for refusal in result.splits[0].refused] == [
        "line 2: no '@' between text and label",
        "line 4: the label 'so so' is none of negative, neutral, positive, 0, 1, 2",
        "line 5: the label is empty",
    ]
    assert [(row["id"], row["fields"]["text"], row["gold"]) for row in read_rows("financial-phrasebank", "test")] == [
        ("test-0", "Nordea\xe4 wrote to a@b.fi .", "neutral"),
        ("test-2", "Sales rose .", "positive"),
    ]
    assert result.skipped == ["Sentences_50Agree.txt: Sentences_AllAgree.txt is taken"]


def test_emotion_by_split_with_or_without_header(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "emotion"
    folder.mkdir()
    (folder / "train.txt").write_text("i feel good;joy\ni feel; well;sadness\n")
    (folder / "val.txt").write_text("text;label_name\ni feel low;sadness\n")
    (folder / "test.txt").write_text("i am scared;fear\n")
    (folder / "notes.md").write_text("nothing")
    splits = {part.split: len(part.rows) for part in import_transfer(tmp_path).splits}
    assert splits == {"train": 2, "validation": 1, "test": 1}
    assert read_rows("emotion", "train")[1]["fields"]["text"] == "i feel; well"


TABLES = [
    (
        "Fin_Cleaned.csv",
        ',Date_published,Headline,Synopsis,Full_text,Final Status\n0,2022,Shares rise,S,"Long\ntext",Positive\n',
        "financial-news",
        {"text": "Shares rise"},
        "positive",
    ),
    (
        "Combined Data.csv",
        ',statement,status\n0,"oh, my\ngosh",Anxiety\n1,,Normal\n',
        "mental-health",
        {"text": "oh, my\ngosh"},
        "anxiety",
    ),
    (
        "babi_nli_test.jsonl",
        '{"premise": "Ann left.", "hypothesis": "Ann is here.", "label": "not-entailed"}\n',
        "babi-nli",
        {"premise": "Ann left.", "hypothesis": "Ann is here."},
        "not entailment",
    ),
    (
        "siga.tsv",
        'premise\thypothesis\tlabel\nA "b".\tC.\tneutral\n',
        "siga-nli",
        {"premise": 'A "b".', "hypothesis": "C."},
        "neutral",
    ),
]


@pytest.mark.parametrize(("file", "content", "task", "fields", "gold"), TABLES, ids=[entry[2] for entry in TABLES])
def test_tables(
    tmp_path: Path, home: Path, file: str, content: str, task: str, fields: dict[str, str], gold: str
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    path = folder / file
    path.write_text(content)
    for result in (import_transfer(path), import_transfer(folder, task=task)):
        assert [part.schema.task for part in result.splits] == [task]
        row = read_rows(task, "test")[0]
        assert (row["fields"], row["gold"]) == (fields, gold)


def test_transfer_files_that_cannot_be_used(tmp_path: Path, home: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no file that is known"):
        import_transfer(tmp_path)
    with pytest.raises(DataError, match="Did you mean 'emotion'"):
        import_transfer(tmp_path, task="emotions")
    with pytest.raises(DataError, match="Cannot read"):
        import_transfer(tmp_path / "emotion.txt")


def test_amazon_review_full_has_no_header(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text('"4","Good","It ""works"",\nand well."\n"6","Odd","No such rating."\n"1","","Bad."\n')
    part = import_amazon(path).splits[0]
    assert [(row["fields"]["text"], row["gold"]) for row in part.rows] == [
        ('Good\nIt "works",\nand well.', "4"),
        ("Bad.", "1"),
    ]
    assert [refusal.line for refusal in part.refused] == [3]
    with pytest.raises(DataError, match=r"is a folder.*test\.csv"):
        import_amazon(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("reviews.jsonl", '{"rating": 4.0, "title": "t", "text": "Fine."}\n{"rating": 9, "title": "t", "text": "x"}\n'),
        ("reviews.json", '{"overall": 4.0, "reviewText": "Fine."}\n{"overall": 0, "reviewText": "x"}\n'),
        ("reviews.csv", "review_body,star_rating\nFine.,4\nx,six\n"),
    ],
)
def test_amazon(tmp_path: Path, home: Path, file: str, content: str) -> None:
    path = tmp_path / file
    path.write_text(content)
    part = import_amazon(path).splits[0]
    assert [(row["fields"], row["gold"]) for row in part.rows] == [({"text": "Fine."}, "4")]
    assert len(part.refused) == 1


def test_what_is_no_article_paragraph_or_question_is_refused_and_the_rest_taken(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "dev.json"
    articles = json.loads(squad(question(0, "Ann")))["data"]
    articles += [5, {"title": "empty"}, {"paragraphs": [None, {"qas": [7]}]}, {"paragraphs": 3}]
    path.write_text(json.dumps({"data": articles}))
    part = import_squad(path).splits[0]
    assert [row["id"] for row in part.rows] == ["56be0"]
    assert [refusal.line for refusal in part.refused] == [2, 3, 4]
    path.write_text(json.dumps({"data": 5}))
    with pytest.raises(DataError, match="no usable row"):
        import_squad(path)
