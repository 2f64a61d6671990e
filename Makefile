# Everything runs in a virtual environment, which is made if it is missing.
#   make demo       train and test on synthetic people, with images, from nothing
#   make web        the demo page, on this machine: http://127.0.0.1:8000
#   make test       the tests, at most 5 minutes;  make test-all   all of them
#   make test-environments   the tests with other releases of Python, torch and OpenMMLab
#   make fuzz       ten minutes of changed files for each format, FORMATS="mat pth" for some (Linux)
#   make lint       style (ruff) and types (mypy)
#   make bench      the cost of the paper's network here, plain and optimised
#   make docs       the API reference, in docs/api
#   make install    TORCH=2.13.0  MMCV=mmcv-lite (or mmcv: compiled, 15 minutes)  PYTHON=python3.11
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# a choice holds until another one is given
INSTALLED := $(shell cat $(VENV)/.installed 2>/dev/null)
TORCH ?= $(or $(word 1,$(INSTALLED)),2.13.0)
MMCV ?= $(or $(word 2,$(INSTALLED)),mmcv-lite)
MMCV_VERSION ?= 2.1.0
RUN = $(abspath $(VENV))/bin/python -W ignore::UserWarning
HOURGLASS = $(RUN) -m hourglass
DEMO ?= work_dirs/demo
DEMO_CONFIG = configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py
PAPER_CONFIG = configs/mpii/td-hm_hourglass8-paper_mpii-256x256.py

.PHONY: install demo web bench test test-all test-environments fuzz docs lint clean

install:
	@test "$$(cat $(VENV)/.installed 2>/dev/null)" = "$(TORCH) $(MMCV)" || rm -f $(VENV)/.installed
	@$(MAKE) --no-print-directory TORCH=$(TORCH) MMCV=$(MMCV) $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-openmmlab.txt setup.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later needed; for 3.9: docs/install.md")'
	test -x $(VENV)/bin/pip || $(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install -q --no-compile torch==$(TORCH) -r requirements.txt
	$(VENV)/bin/pip uninstall -q -y $(filter-out $(MMCV),mmcv mmcv-lite)    # both fill one folder
	MMCV_WITH_OPS=1 $(VENV)/bin/pip install -q --no-compile --no-deps --no-build-isolation \
		$(MMCV)==$(MMCV_VERSION) -r requirements-openmmlab.txt
	$(VENV)/bin/pip install -q --no-deps --no-build-isolation -e .
	echo "$(TORCH) $(MMCV)" > $@

demo: export HOURGLASS_DATA = $(DEMO)/data
demo: install
	$(HOURGLASS) prepare synthetic --out $(DEMO)/data/synthetic
	$(HOURGLASS) train $(DEMO_CONFIG) --work-dir $(DEMO) --resume
	$(HOURGLASS) test $(DEMO_CONFIG) $$(cat $(DEMO)/last_checkpoint) \
		--work-dir $(DEMO) --show-dir $(DEMO)/overlays --interval 10

web: install
	$(HOURGLASS) web

test: install
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist loadscope

test-all: install
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist loadscope -m ''

test-environments:
	$(PYTHON) tests/environments.py $(TESTS) --pythons $(PYTHONS)

fuzz: install
	$(VENV)/bin/pip install -q atheris
	OMP_NUM_THREADS=1 $(RUN) tests/fuzz.py $(FORMATS)

bench: install
	$(HOURGLASS) benchmark $(PAPER_CONFIG) --optimize fuse ncnn --against $(PAPER_CONFIG) \
		configs/comparison/td-hm_hourglass52-mmpose_mpii-256x256.py

docs: install
	$(RUN) docs/build_api.py docs/api

lint: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) work_dirs
