#!/bin/sh
# Build step: the pinned packages into /opt/nlu-rl/venv, which has no pip of its own (pip lives in /build/pip).
#   install-packages.sh cpu|cuda
set -eu
target=$1
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3-venv
rm -rf /var/lib/apt/lists/*
python3 -m venv /build/pip
python3 -m venv --without-pip /opt/nlu-rl/venv
pip() { /build/pip/bin/pip --python /opt/nlu-rl/venv/bin/python "$@"; }
site=$(/opt/nlu-rl/venv/bin/python -c 'import site; print(site.getsitepackages()[0])')

# A pip configuration of one's own says where torch comes from; without one, the CPU build is PyTorch's.
torch_index=
if [ "$target" = cpu ] && [ ! -s /etc/pip.conf ]; then
  torch_index="--index-url https://download.pytorch.org/whl/cpu --extra-index-url https://pypi.org/simple"
fi
# shellcheck disable=SC2086
pip install $torch_index "$(grep '^torch==' /steps/requirements.lock)"
/opt/nlu-rl/venv/bin/python - /steps/pyproject.toml >/build/packages.txt <<'PYTHON'
import sys, tomllib
print("\n".join(tomllib.load(open(sys.argv[1], "rb"))["project"]["dependencies"]))
PYTHON
pip install --constraint /steps/requirements.lock --requirement /build/packages.txt
if ls /wheels/*.whl >/dev/null 2>&1; then
  pip install --constraint /steps/requirements.lock /wheels/*.whl
  /opt/nlu-rl/venv/bin/python -c 'import einops'   # flash-attn needs it, and nothing else here does
fi

# What only compiling against these packages, or testing them, needs; then what no part of the product loads.
rm -rf "$site"/torch/include "$site"/torch/share "$site"/torch/test "$site"/pyarrow/include "$site"/pyarrow/tests
find "$site/torch/bin" -type f ! -name torch_shm_manager -delete
for package in numpy pandas scipy sklearn sympy networkx; do
  find "$site/$package" -type d -name tests -prune -exec rm -rf {} +
done
find "$site" -name '*.a' -delete
rm -f "$site"/pyarrow/*flight*.so* "$site"/pyarrow/*_s3*.so* "$site"/pyarrow/_pyarrow_cpp_tests*.so
rm -rf "$site"/tensorboard_data_server/bin
if [ "$target" = cuda ]; then
  # Triton wants a C compiler, which the image has not; PyTorch computes without it, torch.compile aside.
  pip uninstall --yes triton
  major=$(/opt/nlu-rl/venv/bin/python -c 'import torch; print(torch.version.cuda.partition(".")[0])')
  rm -f "$site/nvidia/cu$major"/lib/libcusolverMg.so* "$site/nvidia/cu$major"/lib/libnvrtc*.alt.so*
  find "$site/bitsandbytes" -name 'libbitsandbytes_*' ! -name '*_cpu*' ! -name "*_cuda$major*" -delete
else
  find "$site/bitsandbytes" -name 'libbitsandbytes_*' ! -name '*_cpu*' -delete
fi
# The application lies beside the packages, in a layer of its own.
echo /opt/nlu-rl/app >"$site/nlu-rl.pth"
/opt/nlu-rl/venv/bin/python -c 'import bitsandbytes, datasets, peft, tensorboard, transformers, trl, torch.utils.tensorboard'
du -sh /opt/nlu-rl/venv
