"""`python -m bench`: measure the cases, print them, write `docs/benchmarks.json` and `docs/benchmarks.md`."""

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path

from bench.cases import (
    CASES,
    FEW_SHOT_ROWS,
    PAIRS,
    PASSAGES,
    QUICK_FEW_SHOT_ROWS,
    QUICK_PAIRS,
    QUICK_PASSAGES,
    Case,
    pick_cases,
)
from bench.machine import describe_machine, thread_count
from bench.markdown import to_markdown
from bench.measure import Setup, measure, say
from bench.report import Machine, Measured, case_text, to_json
from bench.rows import pick_task
from bench.scaling import measure_scaling
from bench.workers import ROOT, WorkerError
from nlu_rl.errors import DataError, NluRlError
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.load import load_tokenizer, pick_device, pick_dtype

MODEL = "smollm2-135m"
SCALING = "scaling"


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways out end the workers
    try:
        cases = pick_cases(options.cases, quick=options.quick)
        with tempfile.TemporaryDirectory(prefix="nlu-rl-bench-") as folder:
            return run(options, cases, Path(folder))
    except (NluRlError, ValueError) as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("interrupted; the cases that were done are written")
        return 130


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="3 pairs, fewer rows to evaluate, no tuned peers, peers without warm-up"
    )
    parser.add_argument("--pairs", type=int, help=f"interleaved pairs (default {PAIRS}, quick {QUICK_PAIRS})")
    parser.add_argument("--cases", nargs="+", metavar="KEY", help=", ".join(case.key for case in CASES))
    parser.add_argument("--scaling", action="store_true", help="also measure how our PPO step grows")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the report (default: docs)")
    parser.add_argument("--rows", type=int, help="rows of every case, to try the benchmark out; not comparable")
    parser.add_argument("--new-tokens", type=int, help="limit of new tokens, to try it out; not comparable")
    return parser.parse_args()


def run(options: argparse.Namespace, cases: list[Case], folder: Path) -> int:
    """Measure and report; returns the exit code, 1 when a case could not be measured."""
    threads = thread_count()
    dtype = pick_dtype("auto", pick_device())
    say("measuring the matmul peak")
    machine = describe_machine(dtype, threads)
    model = model_folder(MODEL, fetch=True)
    setup = Setup(
        task=pick_task(),
        tokenizer=load_tokenizer(model, MODEL),
        model=model,
        dtype=machine.dtype,
        threads=threads,
        folder=folder,
        few_shot_rows=QUICK_FEW_SHOT_ROWS if options.quick else FEW_SHOT_ROWS,
        passages=QUICK_PASSAGES if options.quick else PASSAGES,
        peers_warm_up=not options.quick,
        rows=options.rows,
        new_tokens=options.new_tokens,
    )
    pairs = options.pairs or (QUICK_PAIRS if options.quick else PAIRS)
    done: list[Measured] = []
    failed: dict[str, str] = {}
    missing: dict[str, str] = {}
    for case in cases:
        try:
            done.append(measure(case, setup, pairs))
        except WorkerError as error:
            failed[case.key] = str(error).splitlines()[-1]
            say(f"{case.key}: {error}")
        except DataError as error:
            missing[case.key] = str(error)
            say(f"{case.key}: left out. {error}")
        else:
            print(case_text(done[-1], machine.matmul_flops), flush=True)
        # After each, so that an interruption costs one case.
        write(options.out, done, machine, {}, {**failed, **missing}, quick=options.quick)
    scaling = {}
    if options.scaling:
        try:
            scaling = measure_scaling(setup)
        except WorkerError as error:
            failed[SCALING] = str(error).splitlines()[-1]
            say(f"{SCALING}: {error}")
    write(options.out, done, machine, scaling, {**failed, **missing}, quick=options.quick)
    return 1 if failed else 0


def write(
    out: Path, done: list[Measured], machine: Machine, scaling: dict, failed: dict[str, str], *, quick: bool
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    numbers = to_json(done, machine, scaling, failed, quick=quick)
    (out / "benchmarks.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    page = to_markdown(done, machine, scaling, failed, quick=quick)
    (out / "benchmarks.md").write_text(page, encoding="utf-8")
    say(f"wrote {out / 'benchmarks.md'} and {out / 'benchmarks.json'}")


if __name__ == "__main__":
    sys.exit(main())
