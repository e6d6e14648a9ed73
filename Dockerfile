# The appliance. Two targets: `cuda` (default) and `cpu`; docs/container.md has the commands.
#   docker build -t nlu-rl .                     docker build --target cpu -t nlu-rl:cpu .
# A target is built from a base, the packages (slow, pinned) and the content (application and models), and its image is
# `appliance`, which says how every image is run, with those three copied into it: a change of the application ships a
# small layer, and nothing of a secret reaches an image.
ARG CPU_BASE_IMAGE=docker.io/library/debian:bookworm-slim
ARG CUDA_BASE_IMAGE=docker.io/nvidia/cuda:13.0.2-base-ubuntu24.04
ARG CUDA_DEVEL_IMAGE=docker.io/nvidia/cuda:13.0.2-devel-ubuntu24.04
# build: compile flash-attn (hours); wheel: take FLASH_ATTN_WHEEL, a URL; skip: PyTorch's own attention.
ARG FLASH_ATTN=build
ARG BUNDLED_MODELS=smollm2-135m
ARG BUNDLE_FROM=index

# ------------------------------------------------------------------------------------------- what the steps work on
FROM scratch AS steps
COPY docker/install-base.sh /base/
COPY docker/install-packages.sh pyproject.toml requirements.lock /packages/
COPY docker/install-app.sh docker/bundle-models.sh /content/
COPY docker/build-flash-attn.sh requirements.lock /flash/

FROM scratch AS source
COPY pyproject.toml README.md LICENSE /
COPY app /app
COPY recipes /recipes

# ------------------------------------------------------------------------------------------- how an image is run
FROM scratch AS appliance
ENV PATH=/opt/nlu-rl/app/bin:/opt/nlu-rl/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 \
    NLU_RL_HOME=/data NLU_RL_BUNDLED_MODELS=/opt/nlu-rl/models \
    USER=nlu LOGNAME=nlu HOME=/data/home TMPDIR=/data/tmp \
    XDG_CACHE_HOME=/data/cache XDG_CONFIG_HOME=/data/home/.config XDG_DATA_HOME=/data/home/.local/share \
    XDG_STATE_HOME=/data/home/.local/state HF_HOME=/data/data_cache/hf MPLCONFIGDIR=/data/cache/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/data/cache/torchinductor CUDA_CACHE_PATH=/data/cache/nv
USER 10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=30s --start-period=30s CMD ["nlu-rl", "doctor", "--json"]
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/nlu-rl/venv/bin/python", "-P", "-m", "nlu_rl.supervisor"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="nlu-rl" \
      org.opencontainers.image.description="Fine-tune a local LLM for language understanding; watch it, measure it, export it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# ------------------------------------------------------------------------------------------- cpu
# Builders without BuildKit build every stage up to the target, so the CPU stages come first.
FROM ${CPU_BASE_IMAGE} AS cpu-base
RUN --mount=from=steps,source=/base,target=/mnt sh /mnt/install-base.sh

FROM cpu-base AS cpu-packages
RUN --mount=from=steps,source=/packages,target=/steps \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /steps/install-packages.sh cpu

FROM cpu-packages AS cpu-content
ARG BUNDLED_MODELS
ARG BUNDLE_FROM
RUN --mount=from=steps,source=/content,target=/steps --mount=from=source,target=/source \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=hf_token,target=/run/secrets/hf_token \
    sh /steps/install-app.sh && sh /steps/bundle-models.sh

FROM appliance AS cpu
# The base as well is copied, because it is what the two targets do not share.
# hadolint ignore=DL3067
COPY --from=cpu-base / /
COPY --from=cpu-packages /opt/nlu-rl/venv /opt/nlu-rl/venv
COPY --from=cpu-content /opt/nlu-rl/models /opt/nlu-rl/models
COPY --from=cpu-content /opt/nlu-rl/app /opt/nlu-rl/app
WORKDIR /data
VOLUME /data

# ------------------------------------------------------------------------------------------- cuda
FROM ${CUDA_BASE_IMAGE} AS flash-skip
RUN mkdir -p /wheels

FROM ${CUDA_BASE_IMAGE} AS flash-wheel
ARG FLASH_ATTN_WHEEL
# hadolint ignore=DL3020
ADD ${FLASH_ATTN_WHEEL} /wheels/

FROM ${CUDA_DEVEL_IMAGE} AS flash-build
# Architectures separated by ';': 80 is A100, 86 RTX 30, 89 RTX 40 and L4, 90 H100. A job takes about 4 GB of memory.
ARG FLASH_ATTN_ARCHS=80
ARG FLASH_ATTN_VERSION=2.8.3.post2
ARG MAX_JOBS=4
RUN --mount=from=steps,source=/flash,target=/steps \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /steps/build-flash-attn.sh

# hadolint ignore=DL3006
FROM flash-${FLASH_ATTN} AS flash

FROM ${CUDA_BASE_IMAGE} AS cuda-base
RUN --mount=from=steps,source=/base,target=/mnt sh /mnt/install-base.sh

FROM cuda-base AS cuda-packages
RUN --mount=from=steps,source=/packages,target=/steps --mount=from=flash,source=/wheels,target=/wheels \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    sh /steps/install-packages.sh cuda

FROM cuda-packages AS cuda-content
ARG BUNDLED_MODELS
ARG BUNDLE_FROM
RUN --mount=from=steps,source=/content,target=/steps --mount=from=source,target=/source \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=hf_token,target=/run/secrets/hf_token \
    sh /steps/install-app.sh && sh /steps/bundle-models.sh

FROM appliance AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# hadolint ignore=DL3067
COPY --from=cuda-base / /
COPY --from=cuda-packages /opt/nlu-rl/venv /opt/nlu-rl/venv
COPY --from=cuda-content /opt/nlu-rl/models /opt/nlu-rl/models
COPY --from=cuda-content /opt/nlu-rl/app /opt/nlu-rl/app
WORKDIR /data
VOLUME /data
