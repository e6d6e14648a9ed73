"""Answers read out of completions: the tags, the keywords, the numbers, and what must not count as an answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu_rl.tasks.contract import Extracted
from nlu_rl.tasks.extraction import extract_answer, extract_number, inside_tags
from nlu_rl.tasks.registry import get_task, task_names

SENTIMENT = ("negative", "positive")

SENTIMENT_CASES = [
    ("positive</Judgement>", "positive", "strict"),
    ("negative</Judgement>", "negative", "strict"),
    (" positive </Judgement>", "positive", "strict"),
    ("\npositive\n</Judgement>", "positive", "strict"),
    ("<Judgement>positive</Judgement>", "positive", "strict"),
    ("positive</Judgement> I am sure, not negative.", "positive", "strict"),
    ("positive</Judgement>negative</Judgement>", "positive", "strict"),
    ("positive", "positive", "lenient"),
    ("Positive</Judgement>", "positive", "strict"),
    ("POSITIVE!", "positive", "lenient"),
    ("positive.</Judgement>", "positive", "lenient"),
    ("**positive**", "positive", "lenient"),
    ("_positive_</Judgement>", "positive", "lenient"),
    ('"positive"', "positive", "lenient"),
    ("'positive'", "positive", "lenient"),
    ("Sentiment: positive", "positive", "lenient"),
    ("- positive", "positive", "lenient"),
    ("The answer is positive, clearly positive.", "positive", "lenient"),
    ("positive</Judg", "positive", "lenient"),
    ("positive</Judgment>", "positive", "lenient"),
    ("positive</judgement>", "positive", "lenient"),
    ("negative. <Judgement>positive</Judgement>", "positive", "lenient"),
    ("Sure! <Judgement>positive", "positive", "lenient"),
    ("positive<Judgement>", "positive", "lenient"),
    ("\uff30ositive", "positive", "lenient"),
    ("positive\u00a0review", "positive", "lenient"),
    ("", None, "none"),
    ("</Judgement>", None, "none"),
    ("</Judgement>positive", None, "none"),
    ("<Judgement></Judgement>", None, "none"),
    ("neutral</Judgement>", None, "none"),
    ("positively</Judgement>", None, "none"),
    ("nonpositive</Judgement>", None, "none"),
    ("non-negative</Judgement>", None, "none"),
    ("positive-ish", None, "none"),
    ("positive2", None, "none"),
    ("positivity", None, "none"),
    ("positive or negative</Judgement>", None, "none"),
    ("positive/negative", None, "none"),
    ("positive<Judgement>negative", None, "none"),
    ("It has positive and negative sides", None, "none"),
    ("not positive</Judgement>", None, "none"),
    ("isn't positive", None, "none"),
    ("isn’t really positive", None, "none"),
    ("neither positive nor negative", None, "none"),
    ("not a positive review", None, "none"),
    ("no positive aspects", None, "none"),
    ("not positive, negative", "negative", "lenient"),
    ("not negative but positive", "positive", "lenient"),
    ("not only positive", "positive", "lenient"),
    ("No. Positive.", "positive", "lenient"),
    ("I am not sure. positive", "positive", "lenient"),
]


@pytest.mark.parametrize(("completion", "value", "how"), SENTIMENT_CASES)
def test_sentiment(completion: str, value: str | None, how: str) -> None:
    assert extract_answer(completion, SENTIMENT, {}) == Extracted(value, how)


COLA_CASES = [
    ("acceptable</Judgement>", "acceptable", "strict"),
    ("not acceptable</Judgement>", "not acceptable", "strict"),
    ("not  acceptable</Judgement>", "not acceptable", "lenient"),
    ("not\nacceptable", "not acceptable", "lenient"),
    ("Not acceptable.", "not acceptable", "lenient"),
    ("unacceptable</Judgement>", "not acceptable", "lenient"),
    ("It is unacceptable, so not acceptable", "not acceptable", "lenient"),
    ("The sentence is acceptable.", "acceptable", "lenient"),
    ("The sentence isn't acceptable.", "not acceptable", "lenient"),
    ("not grammatically acceptable", "not acceptable", "lenient"),
    ("not an acceptable sentence", "not acceptable", "lenient"),
    ("hardly acceptable", "not acceptable", "lenient"),
    ("acceptable or not acceptable</Judgement>", None, "none"),
    ("not acceptable</Judgement> acceptable", "not acceptable", "strict"),
    ("acceptability", None, "none"),
    ("not", None, "none"),
    ("yes", None, "none"),
]


@pytest.mark.parametrize(("completion", "value", "how"), COLA_CASES)
def test_one_answer_is_part_of_the_other(completion: str, value: str | None, how: str) -> None:
    assert get_task("cola").extract(completion) == Extracted(value, how)


NUMBER_CASES = [
    ("3.8</Judgement>", "3.8", "strict"),
    ("4</Judgement>", "4.0", "strict"),
    (" 4.000 </Judgement>", "4.0", "strict"),
    ("0</Judgement>", "0.0", "strict"),
    ("5.0</Judgement>", "5.0", "strict"),
    ("<Judgement>2.333</Judgement>", "2.333", "strict"),
    ("3.8", "3.8", "lenient"),
    ("3.8.</Judgement>", "3.8", "lenient"),
    (".5</Judgement>", "0.5", "lenient"),
    ("+4", "4.0", "lenient"),
    ("Score: 4.2", "4.2", "lenient"),
    ("score=4.2", "4.2", "lenient"),
    ("(4.2)", "4.2", "lenient"),
    ("4/5", "4.0", "lenient"),
    ("4.5 / 5.0", "4.5", "lenient"),
    ("4 out of 5.", "4.0", "lenient"),
    ("a similarity of 5", "5.0", "lenient"),
    ("3 of 5", "3.0", "lenient"),
    ("2.5 on a scale from 0 to 5", "2.5", "lenient"),
    ("2.5 (0-5)", "2.5", "lenient"),
    ("3.0, yes 3", "3.0", "lenient"),
    ("1.0 <Judgement>3.0</Judgement>", "3.0", "lenient"),
    ("3.0</Judgement> 4.0", "3.0", "strict"),
    ("\uff14", "4.0", "lenient"),
    ("sentence 1 is alike: 4.0", "4.0", "lenient"),
    ("2.5\n1\n5.0", "2.5", "lenient"),
    ("0.4<Judgement>5.0", "0.4", "lenient"),
    ("<Judgement>0.4 \nA Referenced = 2.5", "0.4", "lenient"),
    ("0.4 (rude) and <Judgement>1.5", None, "none"),
    ("6\n3.0", None, "none"),
    ("", None, "none"),
    ("</Judgement>3", None, "none"),
    ("5.1</Judgement>", None, "none"),
    ("6", None, "none"),
    ("-1", None, "none"),
    ("-3.0</Judgement>", None, "none"),
    ("\u22123.0</Judgement>", None, "none"),
    ("3 or 4", None, "none"),
    ("3-4", None, "none"),
    ("3 \u2013 4", None, "none"),
    ("between 3 and 4", None, "none"),
    ("3,8", None, "none"),
    ("1.2.3", None, "none"),
    ("80%", None, "none"),
    ("3 %", None, "none"),
    ("3e0</Judgement>", None, "none"),
    ("nan</Judgement>", None, "none"),
    ("inf</Judgement>", None, "none"),
    ("five", None, "none"),
    ("v3", None, "none"),
    ("3rd", None, "none"),
    ("5 out of 10", None, "none"),
    ("9" * 400, None, "none"),
]


@pytest.mark.parametrize(("completion", "value", "how"), NUMBER_CASES)
def test_number(completion: str, value: str | None, how: str) -> None:
    assert extract_number(completion, 0.0, 5.0) == Extracted(value, how)


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_nothing_breaks_extraction(text: str) -> None:
    for name in task_names():
        task = get_task(name)
        extracted = task.extract(text)
        assert (extracted.value is None) == (extracted.how == "none")
        if task.answers:
            assert extracted.value is None or extracted.value in task.answers
        elif extracted.value is not None and not task.schema.free_text:
            assert 0 <= float(extracted.value) <= 5


NEUTRAL = st.text(alphabet=" .,:;!*\n\"'()", max_size=8)


@given(NEUTRAL, st.sampled_from(SENTIMENT), NEUTRAL, st.sampled_from(["", "</Judgement>", "</Judgement> and more"]))
def test_punctuation_and_case_around_an_answer_change_nothing(before: str, answer: str, after: str, end: str) -> None:
    for written in (answer, answer.upper(), answer.title()):
        assert extract_answer(f"{before}{written}{after}{end}", SENTIMENT, {}).value == answer


@given(st.integers(0, 5000))
def test_every_number_of_the_scale_is_read_back(thousandths: int) -> None:
    value = thousandths / 1000
    for written in (f"{value}</Judgement>", f"{value:.3f}</Judgement>", f"I say {value:.3f}"):
        assert float(extract_number(written, 0.0, 5.0).value or "nan") == value


@given(st.text(alphabet="abc<>/", max_size=20))
def test_text_after_the_closing_tag_is_not_the_answer(rest: str) -> None:
    assert inside_tags(f"x</Judgement>{rest}") == ("x", True)


def test_long_completions_are_read_in_no_time() -> None:
    for text in ("not " * 20000, "<" * 20000, "- " * 20000 + "positive", "1 " * 20000, "not\u00a0a" * 10000):
        extract_answer(text, SENTIMENT, {})
        extract_number(text, 0.0, 5.0)
