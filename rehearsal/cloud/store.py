"""Resources, operations and settings of the simulated cloud, in one SQLite file.

Several plugin processes write to it, and any may be killed at any time: each operation is one transaction, so it was
done whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rehearsal.cloud.errors import ApiError, Unfinished, already_exists, in_use, not_found
from rehearsal.cloud.moments import Moment, Plan

Json = dict[str, Any]

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When the simulated time begins: always the same, so that a rehearsal can be repeated to the letter."""

BUSY_SECONDS = 30.0
TABLES = """
create table if not exists resources (
  token text, id text, address text, body text, made text, parent text, uses text, created text,
  primary key (token, id));
create table if not exists operations (
  number integer primary key autoincrement, verb text, token text, id text, minutes real, error text);
create table if not exists facts (name text primary key, value text);
create table if not exists plans (number integer primary key autoincrement, plan text, left integer);
"""
DEFAULTS: Json = {
    "enabled": ["serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com"],
    "denied": [],
    "quotas": {},
    "numbers": {},
    "sold_out": [],
    "lifted": False,
    "clock": 0.0,
}


@dataclass(frozen=True)
class Resource:
    """Something that is in the cloud.

    address:  what its id is made of, and other values that it was made with and the API does not give back.
    body:     as the API has it.
    made:     what the service made of it: links, numbers, addresses.
    parent:   id of what it is inside of, "" for none.
    uses:     ids that cannot be deleted before this.
    created:  in simulated time, RFC 3339.
    """

    token: str
    id: str
    address: Json = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    made: Json = field(default_factory=dict)
    parent: str = ""
    uses: tuple[str, ...] = ()
    created: str = ""

    def called(self) -> set[str]:
        """All that others may refer to it by."""
        names = {
            self.id,
            self.id.rpartition("/")[2],
            *(str(self.made[key]) for key in ("selfLink", "name", "email") if key in self.made),
        }
        return names | {str(self.address[key]) for key in ("name",) if key in self.address}


@dataclass(frozen=True)
class Operation:
    """One call that changed something, or was refused. ``minutes``: of simulated time."""

    number: int
    verb: str
    token: str
    id: str
    minutes: float
    error: str


class Cloud:
    """The cloud kept in ``file``, which is made when it is not there.

    Settings (``facts``), all of them as generous as can be unless a rehearsal says otherwise:
    ``enabled``   services that are on before anybody enables any.
    ``denied``    permissions that the caller lacks, such as ``compute.networks.create``.
    ``numbers``   of projects, by id.
    ``quotas``    limit by metric, for those that are to run out.
    ``sold_out``  ``ZONE/MACHINE`` of which there is none.
    ``lifted``    whether deletion protection is lifted: the rehearsal's way to end, which no real cloud has.
    ``clock``     simulated minutes since START.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.RLock()
        self._database = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._database.execute("pragma journal_mode=wal")
        self._database.execute("pragma synchronous=off")  # a killed process loses nothing; a power cut may
        self._database.executescript(TABLES)

    def close(self) -> None:
        self._database.close()

    # -- what is there

    def get(self, token: str, identity: str) -> Resource | None:
        rows = self._rows("select * from resources where token = ? and id = ?", token, identity)
        return next(map(_resource, rows), None)

    def all(self, token: str = "") -> list[Resource]:
        """Of one type or of all, in the order of their making."""
        where = " where token = ?" if token else ""
        rows = self._rows(f"select * from resources{where} order by rowid", *([token] if token else []))  # noqa: S608
        return [_resource(row) for row in rows]

    def find(self, token: str, name: str) -> Resource | None:
        """The resource of a type that ``name`` refers to: an id, a link, a name or an e-mail address."""
        plain = _plain(name)
        return self.get(token, plain) or next((each for each in self.all(token) if {name, plain} & each.called()), None)

    def operations(self) -> list[Operation]:
        return [Operation(*row) for row in self._rows("select * from operations order by number")]

    def fact(self, name: str) -> Any:
        rows = self._rows("select value from facts where name = ?", name)
        return json.loads(rows[0][0]) if rows else DEFAULTS[name]

    def set_fact(self, name: str, value: Any) -> None:
        if name not in DEFAULTS:
            raise KeyError(f"{name!r} is no setting of the cloud; there are {', '.join(DEFAULTS)}")
        with self._transaction():
            self._set(name, value)

    def now(self) -> str:
        """Simulated time, RFC 3339."""
        return f"{START + timedelta(minutes=self.fact('clock')):%Y-%m-%dT%H:%M:%SZ}"

    # -- what changes it

    def create(self, resource: Resource, minutes: float, *, adopts: bool = False) -> Resource:
        """Makes it; with ``adopts`` one that is there already is brought to this instead of refused.

        Raises ApiError when it is there, or something that it uses is not.
        """
        with self._operation("create", resource.token, resource.id, minutes):
            there = self.get(resource.token, resource.id)
            if there and not adopts:
                raise already_exists(resource.id)
            made = Resource(**{**vars(resource), "created": there.created if there else self.now()})
            self._write(made)
        return made

    def update(self, resource: Resource, minutes: float) -> None:
        """Raises ApiError when it is not there."""
        with self._operation("update", resource.token, resource.id, minutes):
            if self.get(resource.token, resource.id) is None:
                raise not_found(resource.id)
            self._write(resource)

    def delete(self, token: str, identity: str, minutes: float, *, blocked: str = "") -> None:
        """Removes it and what is inside of it; does nothing when it is gone.

        blocked:  why it must stay.
        Raises ApiError when something uses it, or it is ``blocked``.
        """
        with self._operation("delete", token, identity, minutes):
            if self.get(token, identity) is None:
                return
            if blocked:
                raise ApiError("FAILED_PRECONDITION", blocked)
            gone = self._inside(identity)
            users = [each.id for each in self.all() if identity in each.uses and each.id not in gone]
            if users:
                raise in_use(identity, users)
            self._database.execute("delete from resources where token = ? and id = ?", (token, identity))
            for each in gone:
                self._database.execute("delete from resources where id = ? and parent != ''", (each,))

    def leave(self, resource: Resource, reason: str) -> None:
        """Somebody let go of it, and it is still there, in nobody's way. ``left``, of what is made, says why."""
        with self._operation("delete", resource.token, resource.id, 0):
            self._write(Resource(**{**vars(resource), "made": {**resource.made, "left": reason}, "uses": ()}))

    def drift(self, resource: Resource) -> None:
        """Writes it behind everybody's back: no operation, no check, no time."""
        with self._transaction():
            self._write(resource)

    def vanish(self, token: str, identity: str) -> None:
        """Removes it behind everybody's back, with what is inside of it."""
        with self._transaction():
            self._database.execute("delete from resources where token = ? and id = ?", (token, identity))
            for each in self._inside(identity):
                self._database.execute("delete from resources where id = ? and parent != ''", (each,))

    # -- what goes wrong

    def plan(self, plan: Plan) -> None:
        """Lets it go wrong as ``plan`` says."""
        with self._transaction():
            self._database.execute(
                "insert into plans (plan, left) values (?, ?)",
                (json.dumps(plan.as_json()), plan.times + plan.nth - 1),
            )

    def plans_left(self) -> list[Plan]:
        """Those that did not all happen yet."""
        return [_plan(row[1]) for row in self._rows("select * from plans where left > 0")]

    def forget_plans(self) -> None:
        """Nothing goes wrong from now on."""
        with self._transaction():
            self._database.execute("delete from plans")

    def restore(self, file: Path) -> None:
        """Makes it what the cloud in ``file`` is."""
        with self._lock, closing(sqlite3.connect(file)) as other:
            other.backup(self._database)

    def wait(self, minutes: float) -> None:
        """Lets simulated time pass."""
        with self._transaction():
            self._set("clock", self.fact("clock") + minutes)

    # -- inside

    @contextmanager
    def _operation(self, verb: str, token: str, identity: str, minutes: float) -> Iterator[None]:
        """One transaction, in the log even when it is refused, with what is planned before and after it."""
        with self._transaction():
            cursor = self._database.execute(
                "insert into operations (verb, token, id, minutes, error) values (?, ?, ?, ?, '')",
                (verb, token, identity, minutes),
            )
            number = int(cursor.lastrowid or 0)
        try:
            self._happen(Moment(number, verb, token, identity, "before"))
            with self._transaction():
                yield
                self._set("clock", self.fact("clock") + minutes)
            self._happen(Moment(number, verb, token, identity, "after"))
        except ApiError as error:
            with self._transaction():
                self._database.execute("update operations set error = ? where number = ?", (str(error), number))
            raise

    def _happen(self, moment: Moment) -> None:
        """Each plan that fits counts down; one whose turn it is strikes, and may leave the next for another time."""
        for number, text in self._rows("select number, plan from plans where left > 0 order by number"):
            plan = _plan(text)
            if plan.fits(moment) and 0 <= self._counted_down(number) < plan.times:
                self._strike(plan, moment)

    def _counted_down(self, number: int) -> int:
        """How often the plan is still to count, -1 when another process had the last of it."""
        with self._transaction():
            counted = "update plans set left = left - 1 where number = ? and left > 0 returning left"
            left = self._database.execute(counted, (number,)).fetchone()
        return int(left[0]) if left else -1

    def _strike(self, plan: Plan, moment: Moment) -> None:
        match plan.effect:
            case "kill":
                os.kill(os.getppid(), signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)
            case "keep":
                self._keep(Path(plan.folder) / str(moment.number), plan.files)
            case "slow":
                with self._transaction():
                    self._database.execute(
                        "update operations set minutes = ? where number = ?", (plan.minutes, moment.number)
                    )
                    self._set("clock", self.fact("clock") + plan.minutes)
            case "error":
                refusal = Unfinished if plan.partial else ApiError
                raise refusal(plan.status, plan.message, plan.code)

    def _keep(self, folder: Path, files: tuple[str, ...]) -> None:
        """Copies cloud and ``files`` as they are at one moment: nobody writes to the cloud meanwhile.

        The engine replaces its files whole, and writes down what was done only when it is told.
        """
        folder.mkdir(parents=True)
        with (
            self._transaction(),
            closing(sqlite3.connect(self.file)) as source,
            closing(sqlite3.connect(folder / self.file.name)) as copy,
        ):
            source.backup(copy)
            for file in files:
                shutil.copy(file, folder)

    def _inside(self, identity: str) -> set[str]:
        """Ids of what is inside of it, at any depth."""
        found: set[str] = set()
        new = {identity}
        resources = self.all()
        while new:
            new = {each.id for each in resources if each.parent in new} - found
            found |= new
        return found

    def _write(self, resource: Resource) -> None:
        texts = (json.dumps(each) for each in (resource.address, resource.body, resource.made))
        self._database.execute(
            "insert into resources values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (token, id) do update set "
            "address = excluded.address, body = excluded.body, made = excluded.made, uses = excluded.uses",
            (resource.token, resource.id, *texts, resource.parent, json.dumps(resource.uses), resource.created),
        )

    def _set(self, name: str, value: Any) -> None:
        self._database.execute("insert or replace into facts values (?, ?)", (name, json.dumps(value)))

    def _rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._database.execute("rollback")
                raise
            self._database.execute("commit")


def _resource(row: tuple[Any, ...]) -> Resource:
    token, identity, address, body, made, parent, uses, created = row
    return Resource(
        token,
        identity,
        json.loads(address),
        json.loads(body),
        json.loads(made),
        parent,
        tuple(json.loads(uses)),
        created,
    )


def _plan(text: str) -> Plan:
    said = json.loads(text)
    return Plan(**{**said, "files": tuple(said["files"])})


def _plain(name: str) -> str:
    """A link without the address of the API."""
    for version in ("v1", "beta", "v1beta1", "v2"):
        if f"googleapis.com/{version}/" in name or f"/compute/{version}/" in name:
            return name.partition(f"/{version}/")[2]
    return name
