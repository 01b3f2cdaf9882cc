"""What is measured: the presets as untrained models with seeded random weights, and the firmware made of them."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ae import pipeline
from l1ae.artifacts import project_of
from l1ae.circuit import Circuit
from l1ae.config import load_config
from l1ae.errors import ToolchainError
from l1ae.hardware.hls import CSimulation
from l1ae.runs import RunFolder
from l1ae.samples import Samples
from l1ae.terminal import Terminal

SEED = 1


@dataclass(frozen=True)
class Subject:
    """One preset, ready to be timed; `hls4ml_library` is its project compiled by the script that came with it."""

    run: RunFolder
    samples: Samples
    transform: Any
    autoencoder: Any
    model: Any
    circuit: Circuit
    simulation: CSimulation
    hls4ml_library: Path

    @property
    def shape(self) -> str:
        """The deployed layers: 57-32-16-3, and the way back where there is one."""
        config = self.run.config.autoencoder
        way_in = [self.circuit.input.shape[0], *config.hidden, config.latent]
        layers = way_in if config.kind == "variational" else way_in + way_in[-2::-1]
        return "-".join(map(str, layers))


def prepare(config_file: Path, data: Path, folder: Path, ui: Terminal) -> Subject:
    """Build the model of a configuration on the events in `data`, convert it below `folder` and compile it."""
    import keras

    from l1ae.autoencoder.architectures import build
    from l1ae.autoencoder.inference import load_model
    from l1ae.autoencoder.scores import deploy
    from l1ae.autoencoder.transforms import learn_transform

    config = load_config(config_file)
    config = config.model_copy(update={"data": config.data.model_copy(update={"file": str(data)})})
    run = RunFolder.create(folder / "runs" / config.name, config)
    samples = Samples.open(config.data)
    keras.utils.set_random_seed(SEED)
    words = (chunk.inputs for chunk in samples.stream.chunks(config.data.background, "training"))
    transform = learn_transform(words, samples.layout, config.inputs)
    autoencoder = build(config.autoencoder, transform, samples.layout)
    deployed = deploy(autoencoder, config.autoencoder, config.inputs, samples.layout)
    _random_weights(deployed)
    deployed.save(run.model)
    pipeline.convert(run, ui, folder / "firmware")
    project = project_of(run)
    return Subject(
        run=run,
        samples=samples,
        transform=transform,
        autoencoder=autoencoder,
        model=load_model(run.model),
        circuit=Circuit.load(run.circuit),
        simulation=CSimulation.build(project, log=run.log("g++")),
        hls4ml_library=_hls4ml_library(project, folder / "hls4ml" / config.name),
    )


def _hls4ml_library(project: Path, copy: Path) -> Path:
    """Compile a copy of the project as `compile()` of hls4ml does, with hls4ml's choice of compiler flags."""
    shutil.copytree(project, copy)
    done = subprocess.run(["bash", "build_lib.sh"], cwd=copy, capture_output=True, text=True, check=False)
    libraries = list(copy.glob("firmware/*.so"))
    if done.returncode or len(libraries) != 1:
        raise ToolchainError(f"build_lib.sh of {project.name} failed: {done.stderr[-300:]}")
    return libraries[0]


def _random_weights(model: Any) -> None:
    """Kernels of the size that training starts with, and biases that are not zero."""
    rng = np.random.default_rng(SEED)
    for layer in model.layers:
        if layer.trainable and layer.get_weights():
            kernel, bias = layer.get_weights()
            layer.set_weights([rng.normal(0, np.sqrt(2 / len(kernel)), kernel.shape), rng.normal(0, 0.2, bias.shape)])
