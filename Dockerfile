# CPU:   docker build -t cellflow .
# CUDA:  docker build -t cellflow --build-arg DEVICE=cuda .   and run it with --gpus all
# More:  --build-arg EXTRAS="dask slurm login" for training on other machines and for people who sign in
# Run:   docker run -p 8501:8501 -v cellflow:/workspace cellflow
# Under another name than localhost, name it: -e STREAMLIT_SERVER_ALLOWED_HOSTS="cells.my-lab.org localhost"
FROM python:3.11-slim-bookworm

ARG DEVICE=cpu
ARG EXTRAS=""

SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# scanpy's and POT's wheels need a C++ runtime, make runs the same steps as on any other machine.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 cells \
    && install --directory --owner cells /app /workspace

USER 1000
WORKDIR /app

# PyPI's torch brings CUDA, and is locked with hashes like everything else. PyTorch's own index has the small build
# without CUDA under other hashes, so that the ranges are installed there.
ENV PIP_NO_CACHE_DIR=1
COPY --chown=cells Makefile requirements.txt requirements.lock requirements-no-deps.txt ./
RUN if [ "$DEVICE" = cpu ]; \
    then PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make env; \
    else make env LOCKED=1; fi \
    && for each in $EXTRAS; do make "$each" || exit 1; done

COPY --chown=cells . .

ENV CELLFLOW_HOME=/workspace \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_ALLOWED_HOSTS="localhost 127.0.0.1"
VOLUME /workspace
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=12s --start-period=60s \
    CMD [".venv/bin/python", "-c", "import os, urllib.request as r; below = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); r.urlopen('/'.join(filter(None, ('http://127.0.0.1:8501', below, 'readiness'))), timeout=11)"]
CMD ["make", "app"]
