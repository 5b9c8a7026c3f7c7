# Every target sets up what it needs: on a fresh machine `make demo` or `make test` is the first command.
# Another Python than the first on the path: make demo PYTHON=python3.13 (README says which were tried).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install lock hashes sbom licences demo demo-weights test fuzz drawing check format bench cluster integration build clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

install: $(if $(HASHES),verified,$(STAMP)) ## make .venv with the locked packages and ntt itself; HASHES=1 accepts only the registry's files

# sam2 declares torchvision, which it does not import here and which breaks transformers when its build does not match
# torch's; hence its own step without dependencies. It also wants torch when it is built, hence no isolation.
$(STAMP): requirements.lock requirements-nodeps.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('ntt needs Python 3.11 or later, $(PYTHON) is older: give another as make PYTHON=python3.13')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -r requirements-nodeps.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# The same, made anew, from files whose sha256 the registry published; what is built from source is built with verified tools.
# A torch from elsewhere (a CPU build, say) has other sums: TORCH='torch==2.13.0+cpu --extra-index-url ...' installs that one
# unverified, and then nothing of what only the registry's torch wants.
.PHONY: verified
WITHOUT_TORCH := -e "/^torch==\|sys_platform == 'linux'/,/[^\\]$$/d"
verified: PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
verified: requirements.hashes requirements-nodeps.hashes
	$(PYTHON) -m venv --clear $(VENV) && mkdir -p build
	sed $(if $(TORCH),$(WITHOUT_TORCH),-n p) requirements.hashes > build/wanted.hashes
	sed -n '/^\(setuptools\|wheel\|packaging\)==/,/[^\\]$$/p' requirements.hashes > build/tools.hashes
	$(PIP) --require-hashes -r build/tools.hashes
	$(PIP) --require-hashes --no-build-isolation -r build/wanted.hashes
	$(if $(TORCH),$(PIP) --no-deps $(TORCH))
	SAM2_BUILD_CUDA=0 $(PIP) --require-hashes --no-build-isolation --no-deps -r requirements-nodeps.hashes
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $(STAMP)

# Kept tools that look at the packages from outside, each in an environment of its own, so that they are none of them.
HASHER  := uv==0.13.9
LISTER  := cyclonedx-bom==7.5.0
LAWYER  := pip-licenses==5.5.5
# $(call tool,PACKAGE,PROGRAM)
define tool
	@rm -rf build/$(2) && $(PYTHON) -m venv build/$(2) && build/$(2)/bin/pip install --quiet --disable-pip-version-check $(1)
endef

hashes: ## write the registry's sha256 of every locked package to requirements.hashes (needs the network)
	$(call tool,$(HASHER),uv)
	build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make hashes" requirements.lock --output-file requirements.hashes
	build/uv/bin/uv pip compile --quiet --no-deps --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make hashes" requirements-nodeps.lock --output-file requirements-nodeps.hashes

sbom: $(STAMP) ## list what is installed, with licences, as CycloneDX: dist/sbom.cdx.json (needs the network)
	$(call tool,$(LISTER),cyclonedx-py)
	@mkdir -p dist
	build/cyclonedx-py/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --gather-license-texts \
	  --output-file dist/sbom.cdx.json $(BIN)/python
	@sed -i 's|file://$(CURDIR)|.|' dist/sbom.cdx.json

licences: $(STAMP) ## write what the locked packages say of their licences to docs/licences.md (needs the network)
	$(call tool,$(LAWYER),pip-licenses)
	(echo "Made by \`make licences\` from what each package declares in its metadata; the versions are those of requirements.lock."; \
	  echo; build/pip-licenses/bin/pip-licenses --python $(BIN)/python --from=mixed --format=markdown --with-system --no-version \
	  --packages $$(sed -n 's/==.*//p' requirements.lock requirements-nodeps.lock)) > docs/licences.md

lock: ## pin what a fresh resolution of pyproject.toml gives (needs the network)
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	$(PYTHON) -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	  print(*(d for d in p['dependencies'] + sum((p['optional-dependencies'][e] for e in ('dev', 'app', 'browser')), []) if not d.startswith('sam2')), sep='\n')" > build/wanted.txt
	build/lock/bin/pip install --quiet torch==2.13.0 && build/lock/bin/pip install --quiet -r build/wanted.txt
	(echo "# Every package but those of requirements-nodeps.lock; made by \`make lock\`."; \
	  build/lock/bin/pip freeze --all --exclude pip | sed 's/+cpu//') > requirements.lock
	rm -rf build/lock build/wanted.txt

test: $(STAMP) ## run the tests
	$(BIN)/python -m pytest -m "not cluster"

fuzz: $(STAMP) ## property tests with fresh seeds, for five minutes (FUZZ_SECONDS): new examples that break something
	$(BIN)/python tests/fuzz.py

demo: $(STAMP) ## run the whole method on drawn scenes, nothing to download
	$(BIN)/python -m ntt.run +experiment=demo
	@echo
	@echo "Pictures: overlays/ (truth beside predictions), references.png and memory.png in the newest outputs/demo/ folder."
	@echo "Next, on real data:"
	@echo "  $(BIN)/ntt weights fetch dinov2_vitl14 sam2_hiera_large"
	@echo "  $(BIN)/ntt +experiment=custom dataset.references=refs.json dataset.targets=photos/"

.PHONY: app
app: $(STAMP) ## open the page on the drawn scenes; your own photographs: make app APP="photos/"
	$(BIN)/python -m ntt app $(or $(APP),--networks demo $(wildcard outputs/drawn/val))

demo-weights: $(STAMP) ## train the demo's two networks from scratch (hours), and record their curves and figures
	$(BIN)/python -m experiments.demo_weights

# SLURM comes from Debian's packages where they can be had; without it those tests say what is missing and skip.
SLURM := slurmctld slurmd slurm-client munge
.PHONY: slurm
slurm:
	@command -v slurmctld >/dev/null || [ -x /usr/sbin/slurmctld ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SLURM); } || \
	  echo "for the tests on SLURM, install $(SLURM) as root"

cluster: $(STAMP) slurm ## sweeps on a real SLURM, and what may befall processes: the tests that `make test` leaves out
	$(BIN)/python -m pytest -m cluster

integration: $(STAMP) slurm ## the real command line, several processes, a real SLURM, and the table of faults
	$(BIN)/python -m pytest -m integration
	$(MAKE) faults

.PHONY: faults
faults: $(STAMP) slurm ## try every bad input, disturb real runs in every way, and print both tables; some: make faults FAULTS="inputs SIGTERM"
	PYTHONPATH=tests $(BIN)/python -m faults $(FAULTS)

.PHONY: soak
soak: $(STAMP) ## 5,000 tiny pictures undisturbed, and killed 20 times: memory, handles, equal bytes; SOAK="--images 300"
	PYTHONPATH=tests $(BIN)/python tests/soak.py $(SOAK)

drawing: ## draw the imports between rooms into docs/architecture.md, and check the rules of the house
	$(PYTHON) docs/draw_imports.py

check: $(STAMP) ## ruff, mypy, and the rules of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/draw_imports.py --check

format: $(STAMP) ## let ruff rewrite the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## measure the plain path and ours, small networks; others: make bench BENCH="--segmenter sam2_hiera_large ..."
	$(BIN)/python -m ntt.bench $(BENCH)

# A machine that lends a GPU has torch, transformers and much else, but no network: what it lacks travels as wheels.
GPU_KIT   := .gpu-kit
GPU_SITE  := build/gpu-site
GPU_LACKS := hydra-core omegaconf hydra-submitit-launcher submitit cloudpickle portalocker pycocotools hotcoco
GPU_BUILT := antlr4-python3-runtime iopath sam2
GPU_MOST  := 67108864
.PHONY: gpu-kit gpu
gpu-kit: $(STAMP) ## wheels for Python 3.12 of what a bare machine with torch and transformers lacks, into .gpu-kit
	rm -rf $(GPU_KIT) && mkdir -p $(GPU_KIT)
	SAM2_BUILD_CUDA=0 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir $(GPU_KIT) \
	  $$(cat requirements.lock requirements-nodeps.lock | grep -E "^($(subst $(eval) ,|,$(GPU_BUILT)))==")
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest $(GPU_KIT) \
	  --python-version 3.12 --implementation cp $(foreach n,28 27 17,--platform manylinux_2_$n_x86_64) --platform manylinux2014_x86_64 \
	  $$(grep -E "^($(subst $(eval) ,|,$(GPU_LACKS)))==" requirements.lock)
	@size=$$( (git ls-files -z; find $(GPU_KIT) -type f -print0) | xargs -0 cat | wc -c); \
	  echo "$(GPU_KIT): $$(ls $(GPU_KIT) | wc -l) wheels; with the tracked files $$size of $(GPU_MOST) bytes"; test $$size -le $(GPU_MOST)

# With the kit and without .venv: packages go to a folder, since the Python there may live in a venv of its own.
gpu: ## the tests marked gpu and the full-size bench in bf16 and fp32, in nine minutes; table in outputs/gpu
	@if [ -e $(STAMP) ] || [ ! -d $(GPU_KIT) ]; then $(MAKE) -s install && exec $(BIN)/python -m ntt.bench.gpu $(GPU); else \
	  $(PYTHON) -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target $(GPU_SITE) $(GPU_KIT)/*.whl && \
	  PYTHONPATH=$(CURDIR):$(CURDIR)/$(GPU_SITE) exec $(PYTHON) -m ntt.bench.gpu $(GPU); fi

build: $(STAMP) ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

clean: ## remove the environment, caches and builds (never outputs/)
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
