# `make demo` and `make test` need nothing but Python 3.11 or newer: the first command that needs it makes `.venv`.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# One torch thread a process: two were at best 1.35 times faster, and up to 300 times slower on a busy machine.
export OMP_NUM_THREADS := 1

.PHONY: install demo test slow lint bench results cartpole exploring upsample plan exploitation highway mujoco lander families gallery ceilings pretrained clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,minari,tensorboard,peers]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/sandbox contrast Pendulum-v1 --models rnn diffusion --real-steps 2000 --seeds 0 --jobs 2 --out runs/demo

# A file of tests stays in one process, since its tests share what is slow to make.
test: $(STAMP)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/sandbox bench

# Results as they are published: without the folder of whoever made them.
PUBLISH := sed 's|"agent_path": ".*/cells/|"agent_path": "cells/|'

# Contrasts of several tasks, ENV:STEPS each, by some models; published in a folder.
define contrasts
	for task in $(1); do \
		env=$${task%%:*}; steps=$${task##*:}; \
		$(BIN)/sandbox contrast $$env --models $(2) --real-steps $$steps --seeds 0 1 2 --jobs 2 \
			--curve-episodes 100 --out runs/$$env || exit $$?; \
		$(PUBLISH) runs/$$env/results.json > $(3)/$$env.json; \
	done
endef

# When which family pays: six families on each task. By its cells' CPU time some twenty minutes a task on two idle cores;
# folders that exist are completed.
RESULTS := Pendulum-v1:2000 Acrobot-v1:5000 supply:5000
results: $(STAMP)
	$(call contrasts,$(RESULTS),all,docs/results)

# The null result beside them: every family learns it, and plain PPO needs one minute of such a simulator.
cartpole: $(STAMP)
	$(call contrasts,CartPole-v1:2000,all,docs/results)

# A goal that random play does not find, and effort that costs: half an hour of CPU time.
exploring: $(STAMP)
	$(BIN)/sandbox contrast MountainCarContinuous-v0 --models rnn --modes random constant simulator dream \
		--real-steps 5000 --seeds 0 1 2 --jobs 2 --out runs/exploring
	$(PUBLISH) runs/exploring/results.json > docs/results/MountainCarContinuous-v0.json

# Does a model know more than the log that it was fitted to? By the families that do best and worst in dreams, of random
# play; and of the logs of pilots, who show what to do and hardly ever what else would have followed.
upsample: $(STAMP)
	$(BIN)/sandbox contrast Pendulum-v1 --models diffusion rnn --modes upsample --real-steps 2000 --seeds 0 1 2 \
		--jobs 2 --out runs/upsample-pendulum
	$(BIN)/sandbox contrast Acrobot-v1 --models diffusion autoregressive --modes upsample --real-steps 5000 --seeds 0 1 2 \
		--jobs 2 --out runs/upsample-acrobot
	$(BIN)/sandbox contrast supply --models diffusion transformer --modes upsample --real-steps 5000 --seeds 0 1 2 \
		--jobs 2 --out runs/upsample-supply
	test -d runs/pilot || $(BIN)/sandbox train Pendulum-v1 --agent sac --steps 5000 --out runs/pilot
	test -f runs/pilot.data || $(BIN)/sandbox collect Pendulum-v1 --policy runs/pilot --steps 5000 --seed 1 --out runs/pilot.data
	$(BIN)/sandbox contrast Pendulum-v1 --models diffusion --modes upsample --log runs/pilot.data --real-steps 5000 \
		--seeds 0 1 2 3 4 --episodes 50 --jobs 2 --out runs/upsample-pilot
	test -f runs/narrow.data || $(BIN)/sandbox collect lander --policy heuristic --mistakes 0.1 --steps 5000 --out runs/narrow.data
	$(BIN)/sandbox contrast lander --models autoregressive --modes upsample --log runs/narrow.data --real-steps 5000 --seeds 0 1 2 3 4 \
		--episodes 50 --set log_share=0.1 --set offline_updates=30000 --jobs 2 --out runs/upsample-narrow
	test -f runs/erring.data || $(BIN)/sandbox collect lander --policy heuristic --mistakes 0.5 --steps 5000 --out runs/erring.data
	$(BIN)/sandbox contrast lander --models autoregressive --modes upsample --log runs/erring.data --real-steps 5000 --seeds 0 1 2 3 4 \
		--episodes 50 --set log_share=0.1 --set offline_updates=60000 --set helpings=20 --jobs 2 --out runs/upsample-erring

# No policy at all: to plan at every step, with as few plans as still balance the pendulum; on the other tasks in a model
# of random play alone, the log that `upsample` learns from.
plan: $(STAMP)
	$(BIN)/sandbox contrast Pendulum-v1 --models diffusion rnn --modes plan --real-steps 2000 --seeds 0 1 2 --episodes 20 \
		--set rounds=2 --set plans=32 --set plan_iterations=2 --jobs 2 --out runs/plan-pendulum
	$(BIN)/sandbox contrast Acrobot-v1 --models diffusion autoregressive --modes plan --real-steps 5000 --seeds 0 1 2 \
		--episodes 20 --set rounds=1 --set plans=32 --set plan_iterations=2 --jobs 2 --out runs/plan-acrobot
	$(BIN)/sandbox contrast supply --models diffusion transformer --modes plan --real-steps 5000 --seeds 0 1 2 \
		--episodes 20 --set rounds=1 --set plans=32 --set plan_iterations=2 --jobs 2 --out runs/plan-supply

# World Models' question of temperature: one log of random play, one dream of it, one agent, and no caution.
TEMPERATURES := 0.1,0.5,1.0,1.15,1.3
exploitation: $(STAMP)
	$(BIN)/sandbox contrast dodge --models rnn --modes random dream --real-steps 10000 --seeds 0 1 2 3 4 --jobs 2 \
		--sweep temperature=$(TEMPERATURES) --set rounds=1 --set dream_steps=400000 --set newcomers=0 --set fearless=0 \
		--set cautious_rounds=0 --set bold_steps=10000 --out runs/exploitation
	$(PUBLISH) runs/exploitation/results.json > docs/results/dodge.json

# A slow simulator, at some 25 steps a second: does a dream of it pay? Two rounds less than usual, since each takes a minute.
highway: $(STAMP)
	$(BIN)/sandbox contrast highway_env:highway-fast-v0 --models rnn --real-steps 3000 --set rounds=3 --seeds 0 1 2 \
		--episodes 50 --jobs 2 --out runs/highway
	$(PUBLISH) runs/highway/results.json > docs/results/highway-fast-v0.json

# What users of Stable-Baselines3 try first. MuJoCo is not among our dependencies: it is installed for this alone.
MUJOCO := InvertedPendulum-v5:2000 InvertedDoublePendulum-v5:5000
mujoco: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt 'gymnasium[mujoco]' 'mujoco<4'
	$(call contrasts,$(MUJOCO),rnn,docs/results/mujoco)

# Landing in dreams alone: some forty minutes of CPU time.
lander: $(STAMP)
	$(BIN)/sandbox contrast lander --models rnn --modes random constant simulator dream --real-steps 30000 --seeds 0 1 2 \
		--jobs 2 --out runs/lander
	$(PUBLISH) runs/lander/results.json > docs/results/lander.json

# How true the dreams of the six families are, on a log of random flying: the score cards of docs/results/families.
FAMILIES := autoregressive diffusion gan rnn transformer vae
families: $(STAMP)
	mkdir -p runs/families docs/results/families
	test -f runs/families/lander.data || $(BIN)/sandbox collect lander --steps 30000 --out runs/families/lander.data
	for family in $(FAMILIES); do \
		$(BIN)/sandbox fit runs/families/lander.data --model $$family --out runs/families/$$family || exit $$?; \
		$(BIN)/sandbox inspect runs/families/$$family --env lander > docs/results/families/$$family.txt || exit $$?; \
	done

# Films, returns of three policies and the table of envs/README.md: some minutes a world. Agents that exist are kept.
gallery: $(STAMP)
	$(BIN)/python envs/gallery.py

# Besides, tuned PPO, SAC and DQN on every world, three seeds each. Runs that were judged are kept.
ceilings: $(STAMP)
	$(BIN)/python envs/gallery.py --ceiling

# The dreams and agents that come with the package; what is there already is kept.
pretrained: $(STAMP)
	$(BIN)/python -m sandbox.pretrained

clean:
	rm -rf .venv runs build dist
