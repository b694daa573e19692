"""What a job of SLURM is told, also where a site hands on no environment and paths hold blanks and percent signs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from harness.engines.slurm_engine import SlurmEngine
from harness.engines.slurm_jobs import Jobs, with_outputs
from harness.types import UserError


@pytest.mark.parametrize("value", ["1", "--xla_flag=a b", "it's", "$HOME `id` \\", "a\nb", "", "größe 100%"])
@pytest.mark.parametrize("name", ["TF_ENABLE_ONEDNN_OPTS", "KERAS_HOME", "TFDS_DATA_DIR", "XLA_FLAGS", "HARNESS_X"])
def test_variables_that_matter_reach_a_job_as_they_are(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    setup = SlurmEngine(parameters={"setup": ["echo theirs"]})._job_parameters(1)["setup"]

    script = "\n".join([*setup, f'printf %s "${name}"'])
    told = subprocess.run(["bash", "-c", script], env={}, capture_output=True, check=True, text=True).stdout
    assert told == f"theirs\n{value}"
    assert any(line.startswith("export PYTHONPATH=") for line in setup)


def test_other_variables_are_not_handed_on(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")

    assert not any("SECRET_TOKEN" in line for line in SlurmEngine()._job_parameters(1)["setup"])


def test_a_percent_sign_in_a_path_stands_for_itself():
    folder = Path("/data/50% of it/.submitit-x")
    told = with_outputs({"time": 5, "additional_parameters": {"nice": 3}}, folder)

    assert told["additional_parameters"] == {
        "output": "/data/50%% of it/.submitit-x/%j_0_log.out",
        "error": "/data/50%% of it/.submitit-x/%j_0_log.err",
        "nice": 3,
    }
    assert with_outputs({"time": 5}, Path("/data/a b")) == {"time": 5}


def test_the_script_that_submitit_makes_of_it(tmp_path):
    slurm = pytest.importorskip("submitit.slurm.slurm")
    folder = tmp_path / "50% of it"
    executor = slurm.SlurmExecutor.__new__(slurm.SlurmExecutor)
    executor.folder = folder
    text = slurm._make_sbatch_string(
        command="true", folder=folder, **with_outputs(SlurmEngine()._job_parameters(1), folder)
    )

    [output] = [line for line in text.splitlines() if line.startswith("#SBATCH --output=")]
    assert shlex.split(output.partition("=")[2]) == [f"{tmp_path}/50%% of it/%j_0_log.out"]


@pytest.mark.parametrize("name", ["a%j", "100%t", "50%a", "%A"])
def test_what_submitit_would_replace_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", ModuleType("submitit"))
    monkeypatch.setattr(shutil, "which", lambda name: name)

    with pytest.raises(UserError, match="results_dir: expected a path without %"):
        Jobs(tmp_path / name / "runs", {})
