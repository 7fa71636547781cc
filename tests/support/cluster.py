"""Three nodes over one PostgreSQL database, and what staff and candidates do on a chosen one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.support.delivery import Candidate, Hall, opened_hall
from tests.support.one_way_sitting import PROGRAM, WAY
from tests.support.server import SittingProcess

NODES = 3


@dataclass(frozen=True)
class Cluster:
    """The nodes, of which the hall's server is the first. Nodes count from 0."""

    hall: Hall
    nodes: Sequence[SittingProcess]
    clients: Sequence[httpx2.Client]

    def address(self, candidate: Candidate, node: int) -> str:
        """The candidate's socket on that node."""
        return candidate.address.replace(self.hall.server.ws_url, self.nodes[node].ws_url)

    def staff(self, node: int, method: str, path: str, body: Any = None) -> httpx2.Response:
        """What an administrator's request to that node is answered; it must succeed."""
        return self._succeeded(self.clients[node].request(method, path, json=body))

    def of(self, candidate: Candidate, node: int, path: str, body: Any = None) -> httpx2.Response:
        """What a POST of the candidate to that node is answered, whatever that is."""
        headers = {"Authorization": f"Bearer {candidate.token}"}
        return self.clients[node].post(path, json={} if body is None else body, headers=headers)

    def metric(self, node: int, name: str, **labels: str) -> float:
        """The sum of that node's samples of that name which have these labels."""
        text = self._succeeded(self.clients[node].get(f"{self.nodes[node].base_url}/metrics")).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())

    def _succeeded(self, response: httpx2.Response) -> httpx2.Response:
        assert response.status_code in (200, 201, 204), response.text
        return response


@contextmanager
def opened_cluster(url: str, directory: Path, *, way: str) -> Iterator[Cluster]:
    """Three nodes that learn of each other in that way (tests/support/one_way_sitting.py)."""
    env: Mapping[str, str] = {WAY: way}
    more = [SittingProcess.serve(url, directory, env=env, program=PROGRAM) for _ in range(NODES - 1)]
    with ExitStack() as stack:
        for node in more:
            stack.callback(node.close)
            node.start(ready=False)  # all at the same time
        hall = stack.enter_context(opened_hall(url, directory, env=env, program=PROGRAM))
        for node in more:
            node.wait_ready()
        nodes = [hall.server, *more]
        staff = {"Authorization": f"Bearer {hall.tokens[0]}"}
        clients = [
            stack.enter_context(httpx2.Client(base_url=f"{node.base_url}/api/v1", headers=staff, timeout=30))
            for node in nodes
        ]
        yield Cluster(hall, nodes, clients)
