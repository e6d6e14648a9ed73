"""MultiRC: is this an answer to a question about a paragraph? (SuperGLUE; F1a and exact match.)

A row is one answer, and a question has several right ones. F1a is the F1 of "yes" over all answers; a question counts
for exact match (`em`) when all its answers are judged rightly. So the rows of a question belong together in metrics.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from nlu_rl.tasks.base import require_rows
from nlu_rl.tasks.classification import ClassificationTask
from nlu_rl.tasks.contract import Example, Extracted, Scored, Submission
from nlu_rl.tasks.sums import Sums, add_up, grouped, ratio


class MultiRc(ClassificationTask):
    name = "multirc"
    answers = ("no", "yes")
    keywords: Mapping[str, str] = MappingProxyType({"false": "no", "true": "yes"})
    metric = "f1a"
    passage = "paragraph"
    title = "Answers to questions about a paragraph (SuperGLUE)"
    note = "A row is one answer; em is the share of questions with every answer judged rightly."
    system = "You are an assistant that checks answers to questions about a text."
    instructions = (
        "Decide whether the answer to the question is right according to the paragraph. Answer with exactly "
        "<Judgement>yes</Judgement> or <Judgement>no</Judgement> and nothing else."
    )
    query = "Paragraph: {paragraph}\nQuestion: {question}\nAnswer: {answer}"
    submission_file = "MultiRC.jsonl"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "0", "yes": "1"})
    submission_default = "no"

    def metrics(self, scored: Sequence[tuple[Example, Scored]]) -> dict[str, float]:
        """Return `f1a` and accuracy over answers, and `em` over questions."""
        require_rows(scored, self.name)
        return self.of_sums(add_up(self.units(scored)))

    def units(self, scored: Sequence[tuple[Example, Scored]]) -> list[Sums]:
        """Return what each question adds."""
        return [self._unit(rows) for rows in grouped(scored, [self.together(example) for example, _ in scored])]

    def _unit(self, rows: Sequence[tuple[Example, Scored]]) -> Sums:
        right = [self.gold(example) == "yes" for example, _ in rows]
        given = [judged.extracted.value == "yes" for _, judged in rows]
        correct = sum(judged.correct for _, judged in rows)
        return {
            "hits": float(sum(r and g for r, g in zip(right, given, strict=True))),
            "yes": float(sum(right) + sum(given)),
            "correct": float(correct),
            "rows": float(len(rows)),
            "exact": float(correct == len(rows)),
            "questions": 1.0,
        }

    def of_sums(self, sums: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "f1a": ratio(2 * sums["hits"], sums["yes"]),
            "em": ratio(sums["exact"], sums["questions"]),
            "accuracy": ratio(sums["correct"], sums["rows"]),
        }

    def together(self, example: Example) -> tuple[str, ...]:
        """Return what the rows of one question share: the beginning of an official id, else the texts."""
        parts = example.id.split("-")
        if len(parts) == 4:
            return tuple(parts[:3])
        return example.fields.get("paragraph", ""), example.fields.get("question", "")

    def submission(self, answers: Sequence[tuple[Example, Extracted]]) -> Submission:
        """Return a line for every passage, with its questions and their answers by official number."""
        passages: dict[int, dict[int, list[dict[str, int]]]] = {}
        for example, extracted in answers:
            passage, question, answer = (int(number) for number in example.id.split("-")[-3:])
            label = int(self.written_label(extracted.value or self.submission_default))
            passages.setdefault(passage, {}).setdefault(question, []).append({"idx": answer, "label": label})
        lines: list[tuple[str, ...]] = []
        for passage, questions in passages.items():
            listed = [{"idx": question, "answers": given} for question, given in questions.items()]
            lines.append((json.dumps({"idx": passage, "passage": {"questions": listed}}),))
        return Submission(self.submission_file, (), lines)
