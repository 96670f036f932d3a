# `make demo` and `make test` need nothing but Python 3.11 or newer: the first command that needs it makes `.venv`.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# One torch thread a process: two were at best 1.35 times faster, and up to 300 times slower on a busy machine.
export OMP_NUM_THREADS := 1

.PHONY: install demo test slow lint bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,minari,tensorboard,peers]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/sandbox contrast Pendulum-v1 --models rnn diffusion --real-steps 2000 --seeds 0 --jobs 2 --out runs/demo

test: $(STAMP)
	$(BIN)/python -m pytest

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/sandbox bench

clean:
	rm -rf .venv runs build dist
