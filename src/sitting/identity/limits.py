"""How often somebody may try something: one process's own counts, in memory that does not grow with who tries."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from sitting.domain.errors import RateLimited

MAX_KEYS = 10_000
WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class _Count:
    """What happened in the window that began at `begin` (in windows since 1970), and in the one before."""

    begin: int
    now: int = 0
    before: int = 0

    def move_to(self, begin: int) -> None:
        if begin != self.begin:
            self.before = self.now if begin == self.begin + 1 else 0
            self.now = 0
            self.begin = begin


class SlidingWindow:
    """At most `most` in any minute for each key, give or take: the minute before counts by the share still in sight.

    Two numbers stand for each key, and of more than `max_keys` keys the one that was counted longest ago is forgotten.
    """

    def __init__(self, most: int, *, max_keys: int = MAX_KEYS) -> None:
        self.most = most
        self._max_keys = max_keys
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, key: str, now: datetime) -> None:
        """Count one more.

        Raises:
            RateLimited: it is too much, and was not counted; `details.retry_after_seconds` says when to come back.
        """
        begin, gone = divmod(now.timestamp(), WINDOW_SECONDS)
        counted = self._counts.setdefault(key, _Count(int(begin)))
        self._counts.move_to_end(key)
        if len(self._counts) > self._max_keys:
            self._counts.popitem(last=False)
        counted.move_to(int(begin))
        if counted.now + counted.before * (1 - gone / WINDOW_SECONDS) >= self.most:
            raise RateLimited(_SENTENCE, retry_after_seconds=self._wait(counted, gone))
        counted.now += 1

    def take_back(self, key: str) -> None:
        """Uncount one of the last minute: it was none of those that are to be rare."""
        counted = self._counts.get(key)
        if counted is not None and counted.now:
            counted.now -= 1

    def _wait(self, counted: _Count, gone: float) -> float:
        """Seconds until one more has room, if nothing else comes."""
        left = WINDOW_SECONDS - gone
        if counted.now < self.most:
            wait = WINDOW_SECONDS * (1 - (self.most - 1 - counted.now) / counted.before) - gone
        else:
            wait = left + WINDOW_SECONDS * (1 - (self.most - 1) / counted.now)
        return round(min(max(wait, 1.0), 2 * WINDOW_SECONDS), 1)


@dataclass(slots=True)
class Limits:
    """Who may try what how often in a minute.

    Attributes:
        sign_ins_of_account, sign_ins_from_address: passwords that did not fit, and those being checked.
        wrong_secrets: tokens, tickets and links that nobody knows, from one address. What is right passes at any time:
            a hall shares one address.
        tickets: of one user. attachments: starts and resumes of one user, each an entry of a log.
        requests: of one user as a candidate over REST, as many as a socket takes.
        proposals: skill graphs that one user has a model propose, outside of any run's budget.
    """

    sign_ins_of_account: SlidingWindow = field(default_factory=lambda: SlidingWindow(20))
    sign_ins_from_address: SlidingWindow = field(default_factory=lambda: SlidingWindow(60))
    wrong_secrets: SlidingWindow = field(default_factory=lambda: SlidingWindow(300))
    tickets: SlidingWindow = field(default_factory=lambda: SlidingWindow(60))
    attachments: SlidingWindow = field(default_factory=lambda: SlidingWindow(300))
    requests: SlidingWindow = field(default_factory=lambda: SlidingWindow(1800))
    proposals: SlidingWindow = field(default_factory=lambda: SlidingWindow(10))

    def sign_in(self, account: str, address: str | None, now: datetime) -> None:
        """Count an attempt to sign in before it is checked: checking is what costs.

        Raises:
            RateLimited: too many passwords for that account, or from that address, did not fit.
        """
        self.sign_ins_from_address.count(network_of(address), now)
        self.sign_ins_of_account.count(_account(account), now)

    def signed_in(self, account: str, address: str | None) -> None:
        """That attempt was right, and does not count."""
        self.sign_ins_from_address.take_back(network_of(address))
        self.sign_ins_of_account.take_back(_account(account))

    def wrong_secret(self, address: str | None, now: datetime) -> None:
        """Count a token, ticket, session or link that was not right.

        Raises:
            RateLimited: say this instead.
        """
        self.wrong_secrets.count(network_of(address), now)

    def ticket(self, user_id: int, now: datetime) -> None:
        """Count a ticket of that user.

        Raises:
            RateLimited: it is too much.
        """
        self.tickets.count(str(user_id), now)

    def attachment(self, user_id: int, now: datetime) -> None:
        """Count a start or resume of that user.

        Raises:
            RateLimited: it is too much.
        """
        self.attachments.count(str(user_id), now)

    def request(self, user_id: int, now: datetime) -> None:
        """Count what that user asks as a candidate.

        Raises:
            RateLimited: it is too much.
        """
        self.requests.count(str(user_id), now)

    def proposal(self, user_id: int, now: datetime) -> None:
        """Count a skill graph that a model is to propose to that user.

        Raises:
            RateLimited: it is too much.
        """
        self.proposals.count(str(user_id), now)


_SENTENCE = "Too many attempts; please wait a little."


def network_of(address: str | None) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 address, which one household or desk has."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _account(email: str) -> str:
    return email.strip().casefold()[:254]
