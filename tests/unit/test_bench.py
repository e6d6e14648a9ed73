"""The pure parts of the benchmark: ratios, what is written, which cases there are. No timing."""

import json

import pytest

from bench.cases import CASES, pick_cases
from bench.markdown import table, to_markdown
from bench.report import CONTRACT_KEYS, Machine, Measured, Side, case_text, ratios, share_of_peak, to_json
from bench.work import BenchRow, Work, read_work, write_work

MACHINE = Machine("a processor", 2, 16_000_000_000, None, 2, "float32", 1e11, "2026-01-02", "3.11.7", "2.13.0")


def measured(key: str = "ppo_vs_trl_ppo", memory_key: str | None = None, needed: int | None = None) -> Measured:
    parts = {"generate_seconds": [0.5, 0.5, 0.5], "update_seconds": [1.0, 1.0, 1.0]}
    ours = Side([3.0, 1.0, 2.0], 2_000_000_000, flops=100_000_000_000, parts=parts, versions={"torch": "2.13.0"})
    peer = Side([8.0, 12.0, 10.0], 8_000_000_000, versions={"trl": "1.12.0"})
    return Measured(key, "a title", memory_key, 1000, ours, peer, needed)


def test_ratio_is_of_the_medians_peer_over_ours():
    case = measured(memory_key="memory")
    assert ratios([case]) == {"ppo_vs_trl_ppo": 5.0, "memory": 4.0}
    assert share_of_peak(case.ours, 1e11) == 0.5
    assert share_of_peak(case.peer, 1e11) is None


def test_memory_ratio_of_a_peer_that_ran_out_is_what_it_had_taken():
    case = measured(needed=16_000_000_000)
    assert case.memory_ratio == 8.0
    assert "at least 8.00" in case_text(case, 1e11)


def test_quick_and_whole_runs_write_the_contract_keys():
    for quick in (True, False):
        keys = {key for case in pick_cases(None, quick=quick) for key in (case.key, case.memory_key) if key}
        assert set(CONTRACT_KEYS) <= keys
    assert len({case.key for case in CASES}) == len(CASES)


def test_cases_are_picked_by_key_or_memory_key():
    assert [case.key for case in pick_cases(["grpo_peak_memory", "grpo_vs_trl_grpo"], quick=True)] == [
        "grpo_vs_trl_grpo"
    ]
    with pytest.raises(ValueError, match="sft_vs_trl_sft"):
        pick_cases(["nonsense"], quick=False)


def test_report_holds_every_number_and_reads_back():
    scaling = {
        "axes": [{"title": "Batch", "unit": "rows", "points": [{"value": 4, "seconds": [2.0, 1.5]}]}],
        "doubling": {"rows": 64, "from_tokens": 76, "to_tokens": 152, "added": 0.043},
    }
    failed = {"sft_vs_trl_sft": "the last line"}
    numbers = json.loads(json.dumps(to_json([measured()], MACHINE, scaling, failed, quick=False), allow_nan=False))
    assert numbers["ratios"] == {"ppo_vs_trl_ppo": 5.0}
    assert numbers["cases"]["ppo_vs_trl_ppo"]["ours"]["tokens_per_second"] == 500.0
    assert numbers["failed"] == failed
    page = to_markdown([measured()], MACHINE, scaling, failed, quick=False)
    for text in ("a processor", "| **5.00** |", "| 4 | 1.50 |", "adds 4.3%", "the last line"):
        assert text in page


def test_table_is_markdown():
    assert table(["a", "b"], [[1, 2]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_work_goes_through_its_file(tmp_path):
    row = BenchRow("1", {"text": "x"}, "positive", "x:", [1, 2, 3], "positive", [4, 5])
    work = Work("grpo", "sst2", "model", "float32", [row, row], completions=8)
    write_work(work, tmp_path / "work.json")
    assert read_work(["worker", str(tmp_path / "work.json")]) == work
    assert (work.batch, work.row_tokens) == (16, 48)
