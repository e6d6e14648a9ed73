#!/bin/sh
# Build step: a flash-attn wheel for FLASH_ATTN_ARCHS into /wheels, against the pinned torch. Takes hours of CPU time.
set -eu
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export FLASH_ATTENTION_FORCE_BUILD=TRUE FLASH_ATTN_CUDA_ARCHS="$FLASH_ATTN_ARCHS" MAX_JOBS
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ca-certificates python3 python3-dev python3-venv
rm -rf /var/lib/apt/lists/*
python3 -m venv /build/flash
/build/flash/bin/pip install "$(grep '^torch==' /steps/requirements.lock)" "$(grep '^setuptools==' /steps/requirements.lock)" \
  ninja packaging psutil wheel
PATH=/build/flash/bin:$PATH pip wheel --no-build-isolation --no-deps --wheel-dir /wheels "flash-attn==$FLASH_ATTN_VERSION"
