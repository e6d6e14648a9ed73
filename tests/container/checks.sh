#!/usr/bin/env bash
# What a person would type at a built image, run for real: everything offline, read-only and as a user of no name.
#   IMAGE=nlu-rl TARGET=cpu DOCKER=docker bash tests/container/checks.sh
# Each line says what was seen; the first thing that is not as it should be ends the script with 1.
set -euo pipefail
DOCKER=${DOCKER:-docker} IMAGE=${IMAGE:-nlu-rl} TARGET=${TARGET:-cpu}
PATIENCE_SECONDS=${PATIENCE_SECONDS:-900}
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
chmod 755 "$WORK"
NAME=nlu-rl-check-$$
if [ "$(id -u)" = 0 ]; then OWNER=12345:12345; else OWNER=$(id -u):$(id -g); fi
STARTED=$SECONDS

ok() { printf 'ok    %4ss  %s\n' $((SECONDS - STARTED)) "$*"; }
fail() {
  printf 'FAIL  %4ss  %s\n' $((SECONDS - STARTED)) "$*"
  "$DOCKER" logs --tail 30 "$NAME" 2>&1 | sed 's/^/      /' || true
  [ ! -f "$WORK/data/runs/tiny/log" ] || tail -20 "$WORK/data/runs/tiny/log" | sed 's/^/      /'
  exit 1
}
cleanup() {
  "$DOCKER" rm -fv "$NAME" >/dev/null 2>&1 || true
  rm -rf "$WORK"
}
trap cleanup EXIT

mkdir "$WORK/data"
[ "$(id -u)" != 0 ] || chown "$OWNER" "$WORK/data"
CONFINED=(--user "$OWNER" --read-only --network none --cap-drop ALL --security-opt no-new-privileges)
MOUNTED=("${CONFINED[@]}" --volume "$WORK/data:/data" --env NLU_RL_PRECISION=float32)
nlu_rl() { "$DOCKER" run --rm "${MOUNTED[@]}" "$IMAGE" "$@"; }
status() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$WORK/data/runs/tiny/status.json" "$1"; }
remove() { "$DOCKER" rm -v "$NAME" >/dev/null; }
wait_for() { # what, command...: until the command succeeds
  local what=$1 until=$((SECONDS + PATIENCE_SECONDS))
  shift
  until "$@"; do
    [ $SECONDS -lt $until ] || fail "waited $PATIENCE_SECONDS s for $what"
    sleep 1
  done
}
on_terminal() { PATIENCE_SECONDS=$PATIENCE_SECONDS python3 "$HERE/terminal.py" "$@"; }
inspect() { "$DOCKER" inspect --format "$1" "$NAME"; }

# ------------------------------------------------------------------------------------------------ the image itself
size=$("$DOCKER" image inspect --format '{{.Size}}' "$IMAGE")
ok "size: $((size / 1000000)) MB uncompressed"
"$DOCKER" history --no-trunc --format '{{.Size}}\t{{.CreatedBy}}' "$IMAGE" | grep -v '^0B' | cut -c1-100 | sed 's/^/      /'
history=$("$DOCKER" history --no-trunc --format '{{.CreatedBy}}' "$IMAGE")
config=$("$DOCKER" image inspect --format '{{json .Config}}' "$IMAGE")
if grep -qiE 'secret|token|password|pip_conf|index-url|://[^/ ]*@' <<<"$history $config"; then fail "the history or the configuration shows a secret"; fi
# shellcheck disable=SC2016
"$DOCKER" run --rm --network none --user 0 --entrypoint sh "$IMAGE" -c '
  [ ! -e /etc/pip.conf ] && [ -z "$(ls -A /run/secrets 2>/dev/null)" ] && [ ! -e /build ] && [ ! -e "$HOME/.config/pip" ]' ||
  fail "something of the build's secrets is in the image"
ok "no secret in the history, the configuration or the file system"
for label in title licenses version revision created; do
  "$DOCKER" image inspect --format '{{json .Config.Labels}}' "$IMAGE" | grep -q "org.opencontainers.image.$label" || fail "no label $label"
done
user=$("$DOCKER" image inspect --format '{{.Config.User}}' "$IMAGE")
case $user in '' | 0 | root) fail "the image's user is '$user'" ;; esac
ok "labels are there; the image's own user is $user"

# ----------------------------------------------------------------------------------------------- the first commands
shown=$("$DOCKER" run --rm --network none --read-only "$IMAGE") || fail "without a terminal: exit $?"
grep -q 'nlu-rl' <<<"$shown" || fail "without a terminal it does not show the help"
ok "no terminal, no arguments, own user, no volume named: the help"
version=$(nlu_rl --version)
ok "as user $OWNER, read-only, no network, /data a bind mount: $version"
code=0
nlu_rl rnu >/dev/null 2>&1 || code=$?
[ $code = 2 ] || fail "an unknown command exits $code instead of 2"
ok "an unknown command exits 2"
nlu_rl doctor --json >"$WORK/doctor.json" || fail "doctor: $(cat "$WORK/doctor.json")"
grep -q '"model smollm2-135m", "state": "ok"' "$WORK/doctor.json" || fail "doctor does not see the bundled model: $(cat "$WORK/doctor.json")"
ok "doctor: nothing fails, and the bundled model is found"
nlu_rl models verify smollm2-135m | grep -q '^ok' || fail "the bundled model's hashes"
nlu_rl models show smollm2-135m --json >"$WORK/model.json"
python3 - "$WORK/model.json" <<'PYTHON' || fail "the bundled model's manifest"
import json, sys
model = json.load(open(sys.argv[1]))
manifest = model["manifest"]
assert model["path"].startswith("/opt/nlu-rl/models/"), model["path"]
print(f"ok           bundled: {model['path']}, {model['bytes'] / 1e6:.0f} MB, from {manifest['source']}: {manifest['url']}")
print(f"             made from {manifest.get('converted_from', manifest.get('hub_id'))}")
PYTHON
ok "the bundled model has the hashes of its manifest"
"$DOCKER" run --rm --network none --user 0 --cap-drop ALL --entrypoint sh "$IMAGE" -c '! find /opt/nlu-rl -perm /022 ! -type l | grep -q .' ||
  fail "something under /opt/nlu-rl may be written by others"
"$DOCKER" run --rm --network none --user 0 --entrypoint sh "$IMAGE" -c '! find / -xdev -type f -perm /6000 | grep -q .' ||
  fail "the image has a program that makes one another user"
ok "nothing under the installation may be written by others than its owner; no program is set-uid"
code=0
shown=$("$DOCKER" run --rm "${CONFINED[@]}" --volume "$WORK:/data:ro" "$IMAGE" --version 2>&1) || code=$?
if [ $code != 0 ] || ! grep -q 'cannot write' <<<"$shown"; then fail "a /data that cannot be written (exit $code): $shown"; fi
ok "a /data that cannot be written is named with the way out"

# ------------------------------------------------------------------------------------------------ a terminal, a browser
on_terminal "see:There is no run yet" 'type:\x10\x11' -- \
  "$DOCKER" run --interactive --tty --name "$NAME" --stop-timeout 60 "${MOUNTED[@]}" "$IMAGE" || fail "the interface, then Ctrl-P Ctrl-Q"
[ "$(inspect '{{.State.Running}}')" = true ] || fail "detaching ended the container"
on_terminal "see:There is no run yet" 'type:?' "see:Show only runs whose line" 'type:\x10\x11' -- "$DOCKER" attach "$NAME" || [ $? = 1 ] ||
  fail "attaching again, and help"
"$DOCKER" stop "$NAME" >/dev/null
[ "$(inspect '{{.State.ExitCode}}')" != 137 ] || fail "on a terminal, SIGTERM does not end it"
remove
ok "on a terminal: the interface, Ctrl-P Ctrl-Q leaves it, attaching shows it again, keys reach it, SIGTERM ends it"

"$DOCKER" run --detach --name "$NAME" --stop-timeout 60 "${MOUNTED[@]}" "$IMAGE" web --host 0.0.0.0 --i-trust-this-network >/dev/null
served() {
  "$DOCKER" exec "$NAME" python -c 'import urllib.request as web
for path, has in ("", b"<title>nlu-rl"), ("static/page.js", b""), ("serve/js/textual.js", b""):
    assert has in web.urlopen(f"http://127.0.0.1:8000/{path}").read()' 2>/dev/null
}
wait_for "the page" served
"$DOCKER" stop "$NAME" >/dev/null
[ "$(inspect '{{.State.ExitCode}}')" != 137 ] || fail "SIGTERM does not end the web server"
remove
ok "in a browser: the page is served, and SIGTERM ends it"

# ------------------------------------------------------------------------- a run: train, stop with a checkpoint, resume
python3 - "$WORK/data" <<'PYTHON'
import itertools, sys
good = ["a charming and moving film", "great fun from start to end", "a warm story , well told", "brilliant acting"]
bad = ["a dull and lifeless film", "tedious from start to end", "a cold story , badly told", "wooden acting"]
for split, count in (("train", 40), ("validation", 8)):
    with open(f"{sys.argv[1]}/{split}.csv", "w") as file:
        file.write("sentence,label\n")
        for number, pair in zip(range(count // 2), itertools.cycle(zip(good, bad))):
            for text, label in zip(pair, ("1", "0")):
                file.write(f'"{text} , take {split} {number}",{label}\n')
with open(f"{sys.argv[1]}/tiny.yaml", "w") as file:
    file.write("""model: smollm2-135m
tasks: [sst2]
method: ppo
seed: 1
generation: {temperature: 1.0, max_new_tokens: 4}
lora: {rank: 4, alpha: 8}
train: {batch: 4, max_steps: 10, learning_rate: 1.0e-4, optimizer: adamw, save_every: 100}
ppo: {epochs: 1}
evaluate: {every: null, examples: 8, before: false}
""")
PYTHON
[ "$(id -u)" != 0 ] || chown "$OWNER" "$WORK"/data/*
nlu_rl data import csv train.csv --task sst2 --split train --json >"$WORK/import.json"
nlu_rl data import csv validation.csv --task sst2 --split validation --json >>"$WORK/import.json"
ok "rows imported: $(tr '\n' ' ' <"$WORK/import.json" | cut -c1-160)"

"$DOCKER" run --detach --name "$NAME" --stop-timeout 600 --health-interval 5s --health-timeout 120s "${MOUNTED[@]}" \
  "$IMAGE" run tiny.yaml --name tiny >/dev/null
stepped() {
  [ "$(inspect '{{.State.Running}}')" = true ] || fail "the run ended before its first step"
  grep -q '"type": *"step"' "$WORK/data/runs/tiny/events.jsonl" 2>/dev/null
}
wait_for "the first step" stepped
"$DOCKER" exec "$NAME" nlu-rl runs list --json | grep -q '"tiny"' || fail "docker exec does not see the run"
ok "training; 'docker exec $IMAGE nlu-rl runs list' sees it at step $(status step)"
asked=$SECONDS
"$DOCKER" stop "$NAME" >/dev/null
stopped=$(status state) step=$(status step) code=$(inspect '{{.State.ExitCode}}')
[ "$stopped" = stopped ] || fail "docker stop left the run '$stopped' (exit $code)"
[ "$code" != 137 ] || fail "docker stop had to kill the container"
[ -f "$WORK/data/runs/tiny/checkpoints/step-$step/complete" ] || fail "docker stop left no checkpoint of step $step"
[ "$step" -lt 10 ] || fail "the run was over before it was stopped"
ok "docker stop: checkpoint of step $step after $((SECONDS - asked)) s, exit $code"
health=$(inspect '{{range .State.Health.Log}}{{.ExitCode}} {{end}}')
remove
[[ $health == *0* ]] || fail "no health check succeeded: '$health'"
ok "health checks ended with: $health"

"$DOCKER" run --detach --interactive --tty --name "$NAME" --stop-timeout 600 "${MOUNTED[@]}" "$IMAGE" >/dev/null
"$DOCKER" exec "$NAME" nlu-rl resume tiny --detach >/dev/null || fail "resume beside the interface"
on_terminal "see:tiny" "see:1 running" "type:q" "see:Detach" "type:d" "see:Still at work: tiny" -- "$DOCKER" attach "$NAME" ||
  fail "leaving the interface while a run is at work"
ended() { [ "$(inspect '{{.State.Running}}')" = false ]; }
wait_for "the end of the resumed run" ended
[ "$(status state) $(status step)" = "done 10" ] || fail "the resumed run is $(status state) at step $(status step)"
[ "$(inspect '{{.State.ExitCode}}')" = 0 ] || fail "the resumed run's container exits $(inspect '{{.State.ExitCode}}')"
grep -q '"type": *"resume"' "$WORK/data/runs/tiny/events.jsonl" || fail "it began anew instead of going on"
remove
ok "a new container went on from step $step to 10: the interface was left, the container stayed for the run, then ended"

nlu_rl export tiny --json >"$WORK/export.json" || fail "export: $(cat "$WORK/export.json")"
python3 - "$WORK/export.json" "$WORK/data" <<'PYTHON' || fail "the export"
import json, pathlib, sys
result = json.loads(open(sys.argv[1]).read().splitlines()[-1])
folder = pathlib.Path(sys.argv[2]) / pathlib.Path(result["path"]).relative_to("/data")
size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
assert list(folder.glob("*.safetensors")), list(folder.iterdir())
print(f"ok           export: {size / 1e6:.0f} MB, largest logit difference {result['max_logit_difference']}, "
      f"same answers {result['same_answers']}")
PYTHON
ok "exported and checked against what was trained"

foreign=$(find "$WORK/data" ! \( -uid "${OWNER%:*}" -gid "${OWNER#*:}" \) | head -3)
[ -z "$foreign" ] || fail "files of another owner: $foreign"
ok "every file in the mounted folder belongs to $OWNER ($(du -sh "$WORK/data" | cut -f1)): $(cd "$WORK/data" && echo *)"

# ------------------------------------------------------------------------------------------------------ with a card
if [ "$TARGET" = cuda ]; then
  "$DOCKER" run --rm --gpus all "${MOUNTED[@]}" "$IMAGE" doctor --json >"$WORK/gpu.json" || fail "doctor with --gpus all"
  if command -v nvidia-smi >/dev/null && nvidia-smi -L | grep -q GPU; then
    grep -o '"gpu", [^}]*' "$WORK/gpu.json"
    "$DOCKER" run --rm --gpus all "${MOUNTED[@]}" --entrypoint python "$IMAGE" -c 'import torch; assert torch.cuda.is_available()' ||
      fail "torch does not see the card"
    ok "torch sees the card"
  else
    ok "no card here: --gpus all is accepted, nothing else of it was seen"
  fi
fi
ok "all checks passed ($TARGET)"
