"""Where each thing of the picture lies on the page.

A drawing is bands, one under the other, of cards in columns. What is written on a card names its value in the document
by path, so that the page shows nothing that the document does not hold. Lengths are in the units of the SVG.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rehearsal.report.document import Picture, Pool

WIDTH = 1200
COLUMNS = 4
GAP, PAD = 12, 14
BAND_HEAD, CARD_HEAD, ROW = 34, 30, 17
PITCH, TIGHTEST = 8.0, 1.0
"""Between the middles of two chips: at most, and at least."""

GRID_TALLEST = 132.0


@dataclass(frozen=True)
class Text:
    """A value of the document, or with no path the words ``words`` alone.

    before, after:  words around the value.
    """

    path: str = ""
    words: str = ""
    before: str = ""
    after: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Row:
    """``left`` and ``right`` are written from the edges of a card inwards."""

    left: tuple[Text, ...]
    right: tuple[Text, ...] = ()
    strong: bool = False


@dataclass(frozen=True)
class Chips:
    """A rectangle of chips. ``always``: their machines are always there, else they come when they are needed."""

    x: float
    y: float
    width: float
    height: float
    always: bool


@dataclass(frozen=True)
class Card:
    """x, y, height:  set when it is laid out."""

    title: tuple[Text, ...]
    rows: tuple[Row, ...]
    protected: bool = False
    chips: tuple[Chips, ...] = ()
    pitch: float = PITCH
    x: float = 0.0
    y: float = 0.0

    @property
    def head(self) -> float:
        """What the title takes."""
        return CARD_HEAD if any(text.path or text.words for text in self.title) else PAD - 4

    @property
    def chips_at(self) -> float:
        """Where the chips begin, below the rows."""
        return self.head + ROW * len(self.rows) + 6

    @property
    def height(self) -> float:
        bottom = max((each.y + each.height for each in self.chips), default=0.0)
        return self.chips_at + (bottom + 10 if self.chips else 2)


@dataclass(frozen=True)
class Band:
    title: tuple[Text, ...]
    cards: tuple[Card, ...]
    y: float
    height: float


@dataclass(frozen=True)
class Drawing:
    width: int = WIDTH
    height: float = 0.0
    card_width: float = (WIDTH - 2 * PAD - (COLUMNS - 1) * GAP) / COLUMNS
    bands: tuple[Band, ...] = field(default=())


def draw(picture: Picture) -> Drawing:
    """The drawing of ``picture``, whose paths begin with ``picture``."""
    bands: list[Band] = []
    y = 0.0
    for title, cards in _contents(picture):
        if cards:
            placed, height = _columns(cards)
            bands.append(Band(title, placed, y, height))
            y += height + GAP
    return Drawing(height=max(y - GAP, 0), bands=tuple(bands))


def _columns(cards: Sequence[Card]) -> tuple[tuple[Card, ...], float]:
    """Each card goes into the column that is the shortest so far."""
    bottoms = [float(BAND_HEAD)] * COLUMNS
    placed = []
    for card in cards:
        column = bottoms.index(min(bottoms))
        x = PAD + column * (Drawing.card_width + GAP)
        placed.append(Card(card.title, card.rows, card.protected, card.chips, card.pitch, x, bottoms[column]))
        bottoms[column] += card.height + GAP
    return tuple(placed), max(bottoms) - GAP + PAD


def _contents(picture: Picture) -> Iterable[tuple[tuple[Text, ...], list[Card]]]:
    fabrics = {network.name: network.component for network in picture.networks}
    where = {each.component: f"picture.networks.{at}.component" for at, each in enumerate(picture.networks)}
    yield _words("Networks"), _networks(picture)
    for index, cluster in enumerate(picture.clusters):
        path = f"picture.clusters.{index}"
        title = (Text(f"{path}.name", before="Cluster "), Text(f"{path}.location", before=" in "))
        pools = [
            _pool(f"{path}.pools.{at}", pool, _fabrics(pool, fabrics, where)) for at, pool in enumerate(cluster.pools)
        ]
        yield (*title, *_words(", protected" if cluster.protected else "")), pools
    yield _words("TPUs outside of a cluster"), _slices(picture)
    yield _words("Jobs and services"), _workloads(picture)
    yield _words("Storage"), _stores(picture)
    yield _words("Identity and keys"), _identity(picture)
    yield _words("Everything else, by type"), _others(picture)


def _words(words: str) -> tuple[Text, ...]:
    return (Text(words=words),)


def _networks(picture: Picture) -> list[Card]:
    """One card for the networks of a component."""
    rows: dict[str, list[Row]] = {}
    titles: dict[str, Text] = {}
    for index, network in enumerate(picture.networks):
        path = f"picture.networks.{index}"
        titles.setdefault(network.component, Text(f"{path}.component"))
        made = rows.setdefault(network.component, [])
        if [each.what for each in network.ranges] == [network.name]:
            made.append(Row((Text(f"{path}.name"),), (Text(f"{path}.ranges.0.cidr"),), strong=True))
            continue
        made.append(Row((Text(f"{path}.name"),), strong=True))
        for at in range(len(network.ranges)):
            made.append(Row((Text(f"{path}.ranges.{at}.what"),), (Text(f"{path}.ranges.{at}.cidr"),)))
    return [Card((titles[name],), tuple(made)) for name, made in sorted(rows.items(), key=lambda each: -len(each[1]))]


def _fabrics(pool: Pool, fabrics: dict[str, str], where: dict[str, str]) -> list[str]:
    """Paths of the names of what made the networks that the machines are in besides the cluster's own."""
    return list(dict.fromkeys(where[fabrics[name]] for name in pool.networks if name in fabrics))


def _pool(path: str, pool: Pool, fabrics: list[str]) -> Card:
    title = [Text(f"{path}.names.0")]
    if len(pool.names) > 1:
        title.append(Text(f"{path}.names.{len(pool.names) - 1}", before=" to "))
    rows = [
        Row((Text(f"{path}.machine"),), (Text(f"{path}.capacity"),)),
        Row(
            (
                Text(f"{path}.least", kind="integer"),
                Text(f"{path}.most", before=" to ", after=" machines", kind="integer"),
            ),
        ),
    ]
    if pool.chips_per_machine:
        chips = Text(f"{path}.chips", after=" chips at most", kind="integer")
        rows.insert(1, Row((Text(f"{path}.accelerator"),), (chips,), strong=True))
    if pool.topology:
        rows[-1] = Row(rows[-1].left, (Text(f"{path}.topology", before="topology "),))
    for at in range(len(pool.zones)):
        rows.append(Row((Text(f"{path}.zones.{at}"),)))
    for each in fabrics:
        rows.append(Row((Text(each, before="also in "),)))
    if pool.topology:
        chips_drawn, pitch = _slices_of(pool.topology, len(pool.names), pool.least >= pool.most)
    else:
        chips_drawn, pitch = _machines_of(pool)
    return Card(tuple(title), tuple(rows), pool.protected, chips_drawn, pitch)


def _slices(picture: Picture) -> list[Card]:
    cards = []
    for index, each in enumerate(picture.slices):
        path = f"picture.slices.{index}"
        rows = (
            Row((Text(f"{path}.kind"),), (Text(f"{path}.capacity"),)),
            Row((Text(f"{path}.accelerator"),), (Text(f"{path}.chips", after=" chips", kind="integer"),), strong=True),
            Row((Text(f"{path}.count", after=" of topology ", kind="integer"), Text(f"{path}.topology"))),
            Row((Text(f"{path}.zone"),)),
        )
        chips, pitch = _slices_of(each.topology, each.count, each.kind == "TPU VM") if each.topology else ((), PITCH)
        cards.append(Card((Text(f"{path}.name"),), rows, chips=chips, pitch=pitch))
    return cards


def _machines_of(pool: Pool) -> tuple[tuple[Chips, ...], float]:
    """A column of chips for each machine."""
    if not pool.chips:
        return (), PITCH
    pitch = _pitch(pool.most, pool.chips_per_machine)
    height = pool.chips_per_machine * pitch
    always = Chips(0, 0, pool.least * pitch, height, True)
    more = Chips(always.width, 0, (pool.most - pool.least) * pitch, height, False)
    return tuple(each for each in (always, more) if each.width), pitch


def _slices_of(topology: str, count: int, always: bool) -> tuple[tuple[Chips, ...], float]:
    """Slices beside each other; of those with three sides a row each, plane beside plane."""
    high, wide, *deep = (int(side) for side in topology.split("x"))
    across, down = (deep[0], count) if deep else (count, 1)
    pitch = _pitch(across * (wide + 1), down * (high + 1))
    chips = [
        Chips(column * (wide + 1) * pitch, row * (high + 1) * pitch, wide * pitch, high * pitch, always)
        for row in range(down)
        for column in range(across)
    ]
    return tuple(chips), pitch


def _pitch(columns: int, rows: int) -> float:
    room = Drawing.card_width - 2 * PAD
    return max(TIGHTEST, min(PITCH, room / columns, GRID_TALLEST / rows))


def _workloads(picture: Picture) -> list[Card]:
    rows = [
        Row((Text(f"picture.workloads.{at}.name"),), (Text(f"picture.workloads.{at}.kind"),))
        for at in range(len(picture.workloads))
    ]
    return _split("Workloads", rows)


def _stores(picture: Picture) -> list[Card]:
    cards = []
    for index, each in enumerate(picture.stores):
        path = f"picture.stores.{index}"
        size = (Text(f"{path}.size"),) if each.size else ()
        rows = (Row((Text(f"{path}.kind"),), size, strong=True), Row((Text(f"{path}.where"),)))
        cards.append(Card((Text(f"{path}.name"),), rows, each.protected))
    return cards


def _identity(picture: Picture) -> list[Card]:
    accounts = [
        Row(
            (Text(f"picture.accounts.{at}.name"),),
            (Text(f"picture.accounts.{at}.grants", after=" roles", kind="integer"),),
        )
        for at in range(len(picture.accounts))
    ]
    keys = [Row((Text(f"picture.keys.{at}"),)) for at in range(len(picture.keys))]
    return [*_split("Service accounts", accounts, cards=2), *_split("Keys", keys, cards=2)]


def _others(picture: Picture) -> list[Card]:
    rows = [
        Row((Text(f"picture.others.{at}.what", kind="brief"),), (Text(f"picture.others.{at}.number", kind="integer"),))
        for at in range(len(picture.others))
    ]
    return _split("", rows, cards=COLUMNS)


def _split(title: str, rows: list[Row], cards: int = 1) -> list[Card]:
    """The rows on as many cards, evenly."""
    each = -(-len(rows) // cards) or 1
    return [Card(_words(title), tuple(rows[at : at + each])) for at in range(0, len(rows), each)]
