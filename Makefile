PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
TORCHCFM := torchcfm==1.0.7

.PHONY: app env dev browser lint test test-all clean

app: env
	$(RUN) -m cellflow_core data demo --all
	$(RUN) -m streamlit run app.py --server.port 8501

env: $(VENV)/.app
dev: $(VENV)/.dev

$(VENV)/.app: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet -r requirements.txt
	$(RUN) -m pip install --quiet --no-deps $(TORCHCFM)
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(RUN) -m pip install --quiet -r requirements-dev.txt
	touch $@
