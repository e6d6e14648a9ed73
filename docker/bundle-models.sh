#!/bin/sh
# Build step: the models of BUNDLED_MODELS into /opt/nlu-rl/models, read-only, each with its manifest of source and
# hashes; NAME:nf4 is bundled in 4 bits. BUNDLE_FROM=index takes what the package index has, the same bytes everywhere;
# BUNDLE_FROM=hub asks the hub first, with the token in the secret hf_token if there is one. No GPU is needed.
set -eu
mkdir -p /opt/nlu-rl/models
export NLU_RL_HOME=/build/home
# Run by pip's interpreter, because the product asks pip where the package index is.
site=$(/opt/nlu-rl/venv/bin/python -c 'import site; print(site.getsitepackages()[0])')
export PYTHONPATH="/opt/nlu-rl/app:$site" PYTHONDONTWRITEBYTECODE=1
nlu_rl() { /build/pip/bin/python -m nlu_rl.cli.main "$@"; }

if [ -s /run/secrets/ca_bundle ]; then export SSL_CERT_FILE=/run/secrets/ca_bundle; fi
if [ -s /run/secrets/hf_token ]; then HF_TOKEN=$(cat /run/secrets/hf_token); export HF_TOKEN; fi
case ${BUNDLE_FROM:-index} in
  index) export HF_HUB_OFFLINE=1 ;;
  hub) ;;
  *) echo "BUNDLE_FROM is '$BUNDLE_FROM': set it to index or hub." >&2; exit 2 ;;
esac

for wanted in ${BUNDLED_MODELS:-}; do
  model=${wanted%:nf4}
  nlu_rl models fetch "$model"
  nlu_rl models verify "$model"
  set -- /build/home/data_cache/models/*/
  [ $# = 1 ] || { echo "$model: more than one folder came: $*" >&2; exit 1; }
  folder=/opt/nlu-rl/models/$(basename "$1")
  if [ "$model" = "$wanted" ]; then
    mv "$1" "$folder"
  else
    nlu_rl models bundle "$model" --to "$folder"
    rm -rf "$1"
  fi
done
# One time stamp for all: the layer is the same whenever the bytes are.
find /opt/nlu-rl/models -mindepth 1 -exec touch -d @0 {} +
chmod -R a=rX /opt/nlu-rl/models
grep -H '"\(source\|url\|sha256\|wheel_sha256\)"' /opt/nlu-rl/models/*/manifest.json || true
du -sh /opt/nlu-rl/models
