# Everything runs in a virtual environment, made when missing.
#   make demo       train and test on synthetic people, with pictures, from nothing
#   make test       the tests, at most 5 minutes;  make test-all   all of them;  make lint
#   make install    TORCH=2.13.0  MMCV=mmcv-lite (or mmcv: compiled, 15 minutes)  PYTHON=python3.11
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH ?= 2.13.0
MMCV ?= mmcv-lite
MMCV_VERSION ?= 2.1.0
RUN = $(CURDIR)/$(VENV)/bin/python -W ignore::UserWarning
DEMO ?= work_dirs/demo

.PHONY: install demo test test-all lint clean

install:
	@test "$$(cat $(VENV)/.installed 2>/dev/null)" = "$(TORCH) $(MMCV)" || rm -f $(VENV)/.installed
	@$(MAKE) --no-print-directory $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-openmmlab.txt setup.py
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q --no-compile torch==$(TORCH) -r requirements.txt
	$(VENV)/bin/pip uninstall -q -y $(filter-out $(MMCV),mmcv mmcv-lite)    # both fill one folder
	MMCV_WITH_OPS=1 $(VENV)/bin/pip install -q --no-compile --no-deps --no-build-isolation \
		$(MMCV)==$(MMCV_VERSION) -r requirements-openmmlab.txt
	$(VENV)/bin/pip install -q --no-deps --no-build-isolation -e .
	echo "$(TORCH) $(MMCV)" > $@

demo: export HOURGLASS_DATA = $(DEMO)/data
demo: $(VENV)/.installed
	$(RUN) tools/prepare_synthetic.py --out $(DEMO)/data/synthetic
	$(RUN) tools/train.py configs/demo/synthetic.py --work-dir $(DEMO) --resume
	$(RUN) tools/test.py configs/demo/synthetic.py $$(cat $(DEMO)/last_checkpoint) \
		--work-dir $(DEMO) --show-dir $(DEMO)/overlays --interval 10

test: $(VENV)/.installed
	$(RUN) -m pytest

test-all: $(VENV)/.installed
	$(RUN) -m pytest -m ''

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check .

clean:
	rm -rf $(VENV) work_dirs
