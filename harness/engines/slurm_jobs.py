"""Jobs of SLURM: submitted through submitit, asked after with squeue and scontrol, since neither needs slurmdbd.

submitit pickles what a job is to do into a folder that all nodes see. It lies beside the results, not in them, and
goes when the run is over; what a job brings back is records, and the pickle of its result is never read.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.files import own_folder, write_text
from harness.types import UserError

COMMAND_SECONDS = 60
# For jobs to end by themselves.
LAST_SECONDS = 10
# For so long squeue may fail: SLURM's controller is restarted now and then.
SILENCE_SECONDS = 600
# SLURM's states (squeue's manual) that tell more of an end than that it came.
STATUSES = {"TIMEOUT": "timeout", "OUT_OF_MEMORY": "oom"}


def with_outputs(parameters: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The parameters with the files that a job prints to, where the folder's own `%` stand for themselves.

    To sbatch a `%` in these paths begins a pattern, such as %j for the job's number; submitit leaves the folder's as
    they are. Other paths of a script have no patterns.
    """
    if "%" not in str(folder):
        return dict(parameters)
    base = str(folder).replace("%", "%%")
    outputs = {"output": f"{base}/%j_0_log.out", "error": f"{base}/%j_0_log.err"}
    more = parameters.get("additional_parameters", {})
    return {**parameters, "additional_parameters": {**outputs, **more}}


class Jobs:
    """The jobs of one run; a context manager that leaves none behind."""

    def __init__(self, results_dir: Path, parameters: Mapping[str, Any]) -> None:
        """Prepare to submit jobs with submitit's parameters (`slurm_...`).

        Raises:
            UserError: submitit or SLURM is missing, a parameter does not exist, or the folder cannot be made.
        """
        try:
            submitit = importlib.import_module("submitit")
        except ImportError as error:
            raise UserError("engine=slurm: expected submitit (pip install 'bn-axis-harness[slurm]')") from error
        missing = [name for name in ("sbatch", "squeue", "scancel", "scontrol", "srun") if shutil.which(name) is None]
        if missing:
            raise UserError(
                f"engine=slurm: expected SLURM's commands on this machine. Received: no {', '.join(missing)}"
            )
        if taken := [tag for tag in ("%j", "%t", "%A", "%a") if tag in str(results_dir.parent)]:
            raise UserError(
                f"results_dir: expected a path without {taken[0]}, in whose place submitit puts a number. "
                f"Received: {results_dir}"
            )
        self._results_dir = results_dir
        try:
            self._folder = Path(tempfile.mkdtemp(prefix=".submitit-", dir=results_dir.parent))
        except OSError as error:
            raise UserError(
                f"results_dir: expected a folder beside which another can be made ({error.strerror}). "
                f"Received: {results_dir}"
            ) from error
        self._executor = submitit.SlurmExecutor(folder=self._folder)
        self._errors = (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError)
        self._ids: list[str] = []
        self._answered = time.monotonic()
        try:
            self._executor.update_parameters(**with_outputs(parameters, self._folder))
        except ValueError as error:
            self._remove_folder()
            lines = [line.strip() for line in str(error).splitlines()]
            names = ", ".join(line.removeprefix("- ").split(" ")[0] for line in lines[2:])
            raise UserError(f"engine.parameters: {lines[0]} (there are: {names})") from error

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        # Jobs whose cells are done take a moment to end; others would wait for nothing, or go on after Ctrl-C.
        end = time.monotonic() + (LAST_SECONDS if kind is None else 0)
        while time.monotonic() < end and set(self._ids) & (self.listed() or set()):
            time.sleep(0.5)
        if self._ids:
            _ask("scancel", *self._ids)
        self._remove_folder()

    def submit(self, function: Callable[..., None], *arguments: Any) -> str:
        """Submit one job and return its id.

        Raises:
            UserError: sbatch refuses it.
        """
        try:
            with _outside_of_a_job():
                job = self._executor.submit(function, *arguments)
        except (*self._errors, OSError) as error:
            refusals = re.findall(r"sbatch: error: (.*)", str(error)) or [str(error).strip().splitlines()[-1]]
            raise UserError(f"engine=slurm: sbatch refuses the job: {'; '.join(refusals)}") from error
        self._ids.append(str(job.job_id))
        return str(job.job_id)

    def listed(self) -> set[str] | None:
        """Ids of the user's jobs that wait or run; None where squeue does not answer.

        Raises:
            UserError: it has not answered for long.
        """
        answer = _ask("squeue", "--noheader", "--format=%i", f"--user={os.getuid()}")
        if answer is not None:
            self._answered = time.monotonic()
            return set(answer.split())
        if time.monotonic() - self._answered > SILENCE_SECONDS:
            raise UserError(f"engine=slurm: squeue has not answered for {SILENCE_SECONDS} seconds")
        return None

    def end_of(self, job: str) -> tuple[str, str]:
        """Status and reason for cells that a job which is over left undone."""
        answer = _ask("scontrol", "--oneliner", "show", "job", job) or ""
        found = re.search(r"JobState=(\S+)", answer)
        state = found.group(1) if found else "no longer known to SLURM"
        return STATUSES.get(state, "error"), f"its SLURM job {job} ended before it did ({state})"

    def keep_log(self, job: str) -> None:
        """Keep what a job printed as `logs/slurm-<job>.log` of the results."""
        texts = [
            path.read_text(encoding="utf-8", errors="replace") for path in sorted(self._folder.glob(f"{job}_*_log.*"))
        ]
        if any(texts):
            write_text(own_folder(self._results_dir, "logs") / f"slurm-{job}.log", "".join(texts), synced=False)

    def _remove_folder(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _ask(*command: str) -> str | None:
    """What a command of SLURM's says, or None where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


@contextmanager
def _outside_of_a_job() -> Iterator[None]:
    """Hide that this process is itself in an allocation: sbatch would take that job's sizes for the new one's."""
    hidden: Collection[str] = ()
    if "SLURM_JOB_ID" in os.environ:
        hidden = [name for name in os.environ if name.startswith("SLURM_") and name != "SLURM_CONF"]
    kept = {name: os.environ.pop(name) for name in hidden}
    try:
        yield
    finally:
        os.environ.update(kept)
