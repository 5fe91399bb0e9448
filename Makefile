# Two commands: `make app` opens the app on port 8501, `make test` runs every check. Both set up what they need.
PYTHON ?= python3
PORT ?= 8501
VENV := .venv
RUN := $(VENV)/bin/python
WORKERS := -n 2 --dist loadgroup --no-loadscope-reorder
TORCHCFM := torchcfm==1.0.7

.PHONY: app serve env dev moscot browser lint test test-all clean

app: env
	$(RUN) -m cellflow_core demo
	$(MAKE) serve

serve: env
	$(RUN) -m streamlit run app.py --server.port $(PORT)

env: $(VENV)/.app

dev: $(VENV)/.dev

$(VENV)/.app: requirements.txt
	$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(v < (3, 11) and f'Python 3.11 or newer is needed, found {v[0]}.{v[1]}: say make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps $(TORCHCFM)
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# The optional model `moscot`, which brings JAX; the version is that of the extra in pyproject.toml.
moscot: env
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt "moscot>=0.5.2,<0.6"

# The browser that CHROMIUM names, or the system's; installed only where there is neither.
browser: dev
	@if [ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || command -v google-chrome >/dev/null; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq chromium; \
	else $(RUN) -m playwright install chromium; fi

lint: dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile

# Two workers that take whole files; one begins with the browser, behind which a server trains.
test: lint browser
	$(RUN) -m pytest $(WORKERS)

test-all: lint browser
	$(RUN) -m pytest $(WORKERS) -m "not gpu and not network"

clean:
	rm -rf $(VENV)
