"""Real Alertmanagers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ports import free_port

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class Alertmanager:
    """One instance; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "alertmanager.yml").write_text(CONFIG)
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            "prometheus-alertmanager",
            f"--config.file={self._folder}/alertmanager.yml",
            f"--storage.path={self._folder}/data",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--cluster.listen-address=",
        ]
        with (self._folder / "log").open("ab") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def answers(self) -> bool:
        return (
            subprocess.run(
                ["amtool", f"--alertmanager.url={self.url}", "alert"], capture_output=True, check=False
            ).returncode
            == 0
        )

    def told(self) -> list[dict[str, Any]]:
        """What `amtool alert` shows."""
        command = ["amtool", f"--alertmanager.url={self.url}", "alert", "query", "-o", "json"]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            return []
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def alerts(self) -> dict[str, dict[str, Any]]:
        """The same, by the label `name`."""
        return {each["labels"].get("name", ""): each for each in self.told()}
