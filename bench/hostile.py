"""Requests that nobody should send: seeded, so that what breaks the server once breaks it again.

Each says whether a webhook in it is forged: such a change must never be accepted, whatever else is right with it.
"""

import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench.attempt import Hostile, Target

WEBHOOK: Final = "/api/webhooks/person-change"
GROUP: Final = "/api/v1/intelligence/buyer-group"
FORGED: Final = "forged"
"""Ids of changes without a right signature begin so: none of them may ever be in the log."""
_PATHS: Final = (
    *(WEBHOOK, WEBHOOK + "/generic", WEBHOOK + "/%00", WEBHOOK + "/..", GROUP + "/acme", GROUP + "/refresh"),
    *(GROUP + "/%ED%A0%80", GROUP + "/acme?as_of=9e9", GROUP + "/a?workspace=%ff&workspace=", "/api/v1/events/s/e"),
    *("/api/v1/events/%2F/%2F", "/api/v1/events//", "/", "/docs", "/openapi.json", "/healthz", "/metrics", "//", "/%"),
    *("*", "/.%2e/etc/passwd", "http://elsewhere.test/", "/\xe9", "/?" + "a=&" * 2000, "/" + "x" * 9000, "/#a", "/;/"),
)
_METHODS: Final = (
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "get",
    "PROPFIND",
    "X",
)
_TEXTS: Final = (
    "",
    " ",
    "\x00",
    "\ud800",
    "\u202e",
    "é" * 200,
    "x" * 5000,
    "${jndi:ldap://x}",
    "' OR 1=1 --",
    "\U0001f600",
)
_NUMBERS: Final = (0, -1, 2**63, -(2**64), 10**30, 10**400, 1e308, 5e-324, 0.1, True, None)
_ODD_JSON: Final = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b"NaN",
        b"-Infinity",
        b'"',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b'{"a":1,"a":2}',
    ),
    *(
        b"[" * 50_000,
        b'{"a":' * 10_000,
        b"9" * 5000,
        b"1e999",
        b'{"id":"\\ud800"}',
        b'{"\\u0000":1}',
        b"[" * 60 + b"]" * 60,
    ),
)


def hostile_requests(target: Target, seed: int) -> Iterator[Hostile]:
    """Without end; the same for the same seed, but for the times in signatures."""
    maker = _Maker(target, random.Random(seed))
    kinds: tuple[Callable[[], Hostile], ...] = (
        *(maker.noise, maker.mutated, maker.headers, maker.lengths, maker.chunked, maker.cut_off),
        *(maker.address, maker.unsigned, maker.wrongly_signed, maker.signed_nonsense, maker.signed_nonsense),
        *(maker.signed_change, maker.api, maker.api, maker.pipelined, maker.in_parts),
    )
    while True:
        yield maker.rng.choice(kinds)()


class _Maker:
    """Makes attempts, one method a kind."""

    def __init__(self, target: Target, rng: random.Random) -> None:
        self.rng = rng
        self._target = target
        self._count = 0

    def noise(self) -> Hostile:
        """No HTTP at all."""
        return Hostile("noise", (self.rng.randbytes(self.rng.randrange(1, 300)) + b"\r\n\r\n",))

    def mutated(self) -> Hostile:
        """A forged webhook with some bytes replaced, left out or added."""
        request = bytearray(self._request("POST", WEBHOOK, self._forged_body(), self._signed(b"another body")))
        for _ in range(self.rng.randrange(1, 6)):
            place = self.rng.randrange(len(request))
            request[place : place + self.rng.randrange(4)] = self.rng.randbytes(self.rng.randrange(4))
        return Hostile("mutated", (bytes(request),))

    def headers(self) -> Hostile:
        """Too many, too large, without end, or of a form that none has."""
        odd = self.rng.choice(
            (
                b"".join(b"x-%d: y\r\n" % number for number in range(self.rng.randrange(90, 2000))),
                b"x-large: " + b"a" * self.rng.randrange(20_000, 70_000) + b"\r\n",
                b"x" * 70_000 + b": 1\r\n",
                b"x-nul: a\x00b\r\n",
                b"x-fold: a\r\n b\r\n",
                b": no name\r\n",
                b"no colon\r\n",
                b"x-latin: \xff\xfe\r\n",
                b"authorization: Bearer \xff\r\n",
                b"expect: 100-continue\r\n",
                b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: AA\r\nsec-websocket-version: 13\r\n",
                b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
                b"content-encoding: gzip\r\n",
                b"x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: https\r\nforwarded: for=127.0.0.1\r\n",
            )
        )
        return Hostile("headers", (self._request("POST", WEBHOOK, self._forged_body(), odd),))

    def lengths(self) -> Hostile:
        """Lengths that are none, or two, or too large, or beside a transfer encoding."""
        body = self._forged_body()
        odd = self.rng.choice(
            (b"-1", b"+5", b"0x10", b"1e3", b"9" * 30, b"1 1", b"", b"5\r\ncontent-length: 6", b"1_0")
        )
        more = self.rng.choice((b"", b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip, chunked\r\n"))
        head = f"POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n".encode()
        return Hostile("lengths", (head + more + b"content-length: " + odd + b"\r\n\r\n" + body,))

    def chunked(self) -> Hostile:
        """Chunks whose sizes lie, with extensions, trailers, or no end."""
        body, size = self._forged_body(), b"%x"
        sizes = (
            size % len(body),
            b"fffffffffffffffff",
            b"-1",
            b"",
            b"zz",
            size % (len(body) + 5),
            b"%x;a=b" % len(body),
        )
        end = self.rng.choice(
            (b"0\r\n\r\n", b"0\r\nx-trailer: 1\r\n\r\n", b"", b"0\r\n" + b"x-t: 1\r\n" * 300 + b"\r\n")
        )
        head = f"POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        return Hostile("chunked", (head + self.rng.choice(sizes) + b"\r\n" + body + b"\r\n" + end,))

    def cut_off(self) -> Hostile:
        """Part of a request, then silence."""
        request = self._request("POST", WEBHOOK, self._forged_body(), self._signed(b"x"))
        return Hostile("cut off", (request[: self.rng.randrange(1, len(request))],), whole=False)

    def address(self) -> Hostile:
        """Any method at any address."""
        method, path = self.rng.choice(_METHODS), self.rng.choice(_PATHS)
        version = self.rng.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/9.9", "HTTP/2.0", "HTP/1.1"))
        return Hostile("address", (f"{method} {path} {version}\r\nhost: x\r\n\r\n".encode("latin-1"),))

    def unsigned(self) -> Hostile:
        """A good change that nobody signed."""
        return Hostile("unsigned", (self._request("POST", WEBHOOK, self._forged_body()),))

    def wrongly_signed(self) -> Hostile:
        """A good change with a signature that is none, is another's, or is old."""
        body, now = self._forged_body(), time.time_ns() // 1_000_000
        right = self._signature(body, now)
        pairs: tuple[tuple[object, object], ...] = (
            *((now, "0" * 64), (now, ""), (now, right[:-1]), (now, right + "0"), (now, right[::-1])),
            *((now + 1, right), (now - 400_000, self._signature(body, now - 400_000)), ("", right), (-now, right)),
            *((now + 120_000, self._signature(body, now + 120_000)), (f" {now}", self._signature(b"x", now))),
            *((now // 1000, self._signature(body, now // 1000)), (10**40, right), (now, self._signature(b"", now))),
        )
        timestamp, signature = self.rng.choice(pairs)
        headers = f"x-timestamp: {timestamp}\r\nx-signature: {signature}\r\n".encode()
        path = self.rng.choice((WEBHOOK, WEBHOOK + "/generic"))
        return Hostile("wrongly signed", (self._request("POST", path, body, headers),))

    def signed_nonsense(self) -> Hostile:
        """What an authentic sender who has gone mad would send."""
        body = self.rng.choice(_ODD_JSON) if self.rng.random() < 0.3 else self._nonsense()  # noqa: PLR2004  # a third
        return Hostile("signed nonsense", (self._request("POST", WEBHOOK, body, self._signed(body)),), forged=False)

    def signed_change(self) -> Hostile:
        """A right one among all the wrong ones: the server still works."""
        body = self._body(f"signed-{self._next()}")
        return Hostile("signed", (self._request("POST", WEBHOOK, body, self._signed(body)),), forged=False)

    def api(self) -> Hostile:
        """The API, with a right token or a wrong one."""
        token = self.rng.choice((self._target.token, "pc_" + "a" * 43, "x", "", "\xff", self._target.token + "x"))
        headers = f"authorization: Bearer {token}\r\n".encode("latin-1")
        if self.rng.random() < 0.5:  # noqa: PLR2004  # half of them
            key = self.rng.choice(
                (b'"a"', b"a", b'"', b'"' + b"k" * 300 + b'"', b'"\xff"', b'"b"\r\nidempotency-key: "b"')
            )
            body = self.rng.choice((b'{"companyId":"acme"}', b'{"companyId":1}', *_ODD_JSON))
            return Hostile(
                "api",
                (self._request("POST", GROUP + "/refresh", body, headers + b"idempotency-key: " + key + b"\r\n"),),
                forged=token != self._target.token,
            )
        path = self.rng.choice(_PATHS)
        tag = self.rng.choice((b"*", b'W/"1-2-3-4"', b"\xff", b'"' * 50, b"," * 100))
        head = f"GET {path} HTTP/1.1\r\nhost: x\r\n".encode("latin-1") + headers
        return Hostile("api", (head + b"if-none-match: " + tag + b"\r\n\r\n",))

    def pipelined(self) -> Hostile:
        """Several requests at once, and rubbish behind them."""
        requests = [self.rng.choice((self.unsigned, self.address, self.wrongly_signed))().parts[0] for _ in range(5)]
        return Hostile("pipelined", (b"".join(requests) + self.rng.randbytes(20),))

    def in_parts(self) -> Hostile:
        """A forged webhook that comes in pieces."""
        request = self._request("POST", WEBHOOK, self._forged_body(), self._signed(b"x"))
        cuts = sorted(self.rng.sample(range(1, len(request)), 3))
        return Hostile("in parts", tuple(request[a:b] for a, b in zip([0, *cuts], [*cuts, len(request)], strict=True)))

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _forged_body(self) -> bytes:
        return self._body(f"{FORGED}-{self._next()}")

    def _body(self, event_id: str) -> bytes:
        person, company = {"id": "p", "newTitle": "CRO"}, {"id": f"c{self.rng.randrange(50)}"}
        return json.dumps(
            {"id": event_id, "source": "fuzz", "type": "person.promotion", "person": person, "company": company}
        ).encode()

    def _nonsense(self) -> bytes:
        """A change in which some values are replaced by what nobody expects."""
        change: dict[str, Any] = json.loads(self._body(f"signed-{self._next()}"))
        for _ in range(self.rng.randrange(1, 4)):
            change[self.rng.choice((*change, "timestamp", "changes"))] = self._value(3)
        return json.dumps(change).encode()

    def _value(self, depth: int) -> Any:
        choices: list[Callable[[], Any]] = [lambda: self.rng.choice(_TEXTS), lambda: self.rng.choice(_NUMBERS)]
        if depth:
            choices.append(lambda: [self._value(depth - 1) for _ in range(self.rng.randrange(4))])
            names = ("id", "name", "old", "new", "title", "x", "\ud800", "")
            choices.append(
                lambda: {self.rng.choice(names): self._value(depth - 1) for _ in range(self.rng.randrange(4))}
            )
        return self.rng.choice(choices)()

    def _signed(self, body: bytes) -> bytes:
        now = time.time_ns() // 1_000_000
        return f"x-timestamp: {now}\r\nx-signature: {self._signature(body, now)}\r\n".encode()

    def _signature(self, body: bytes, timestamp: int) -> str:
        return hmac.new(self._target.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()

    def _request(self, method: str, path: str, body: bytes, headers: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n".encode()
        return head + headers + b"content-length: %d\r\n\r\n" % len(body) + body
