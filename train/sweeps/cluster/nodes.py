"""The nodes of a cluster: how many runs they hold, and which are refused because of their versions."""

import time

from config.terminal import say
from config.validation import SettingError
from train.config import RunConfig
from train.sweeps.cluster.trainer import versions
from train.sweeps.pool import RUNS_PER_GPU

REFRESH_SECONDS = 5.0
NODE_ID = "ray.io/node-id"  # the label that Ray gives each node


class Nodes:
    """The nodes that are alive now and not refused."""

    def __init__(self, runs: list[RunConfig], gpu_share: float | None):
        self.needed = versions()
        self.refused: dict[str, str] = {}
        self.listed_at, self.listed = 0.0, []
        wants_gpu = any(config.train.device in ("auto", "cuda") for config in runs)
        has_gpu = any(node["Resources"].get("GPU") for node in self.alive())
        default = 1 / RUNS_PER_GPU if wants_gpu and has_gpu else 0.0
        self.gpu_share = default if gpu_share is None else gpu_share
        if not self.slots():
            needs = "a CPU" + f" and {self.gpu_share:g} of a GPU" * (self.gpu_share > 0)
            raise SettingError(f"engine is 'ray', but no node of the cluster has {needs} for a run")

    def alive(self) -> list[dict]:
        """Ray's records of the nodes, from a few seconds ago at most."""
        import ray

        if time.monotonic() >= self.listed_at + REFRESH_SECONDS or not self.listed:
            self.listed = [node for node in ray.nodes() if node["Alive"]]
            self.listed_at = time.monotonic()
        return [node for node in self.listed if node["NodeID"] not in self.refused]

    def slots(self) -> int:
        """How many runs all nodes together hold at once: a CPU each, and a share of a GPU."""
        return sum(self.slots_of(node["Resources"]) for node in self.alive())

    def slots_of(self, resources: dict[str, float]) -> int:
        by_cpu = int(resources.get("CPU", 0))
        if not self.gpu_share:
            return by_cpu
        return min(by_cpu, int(resources.get("GPU", 0)) * int(1 / self.gpu_share + 1e-9))

    def refuse(self, node_id: str, found: dict[str, str]) -> bool:
        """Whether a node is refused for its versions, which is said once. Raises SettingError where none is left."""
        wrong = {name: version for name, version in self.needed.items() if found.get(name) != version}
        if not wrong:
            return False
        if node_id not in self.refused:
            record = next((node for node in self.listed if node["NodeID"] == node_id), {})
            parts = (f"{name} {found.get(name, 'none')}, but must have {version}" for name, version in wrong.items())
            where = f"{record.get('NodeManagerAddress', '')} ({record.get('NodeManagerHostname', '')}, {node_id[:8]})"
            self.refused[node_id] = f"node {where} has {'; '.join(parts)}"
            say(f"refused: {self.refused[node_id]}")
        if not self.slots():
            raise SettingError(f"no node of the cluster can be used: {', and '.join(self.refused.values())}")
        return True

    def options(self) -> dict:
        """Ray's options of a process that trains a run on one of these nodes."""
        chosen = {"label_selector": {NODE_ID: f"!in({','.join(self.refused)})"}} if self.refused else {}
        return chosen | {"num_cpus": 1, "num_gpus": self.gpu_share, "max_restarts": 0, "max_concurrency": 4}
