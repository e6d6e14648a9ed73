"""Evaluations as people read them."""

from nlu_rl.cli.evaluation_view import balance_text


def test_the_balance_does_not_read_as_how_many_were_right() -> None:
    balance = {"given": {"negative": 95, "positive": 3, "unparsed": 2}, "right": {"negative": 47, "positive": 53}}
    assert balance_text({"balance": balance}) == (
        "answers given, in brackets how many are labelled so: negative 95 (47), positive 3 (53), unparsed 2"
    )
    assert balance_text({"balance": {"given": {}, "right": {}}}) == ""
