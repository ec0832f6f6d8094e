"""The page in a browser that has no network: what it shows, and how it is used."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from rehearsal.report import page
from rehearsal.report.document import Report
from tests.rehearsal.report.conftest import HOSTILE, Visit

Visiting = Callable[..., Visit]
SECTIONS = ("changes", "picture", "cost", "quota", "policy", "resources", "steps", "faults", "left")
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")

MARKED = """() => [...document.querySelectorAll("[data-path]")].map(
  (each) => [each.dataset.path, each.textContent, each.getAttribute("value")])"""

UNMARKED = """() => {
  const texts = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const { data, parentElement } = walk.currentNode;
    if (!parentElement.closest("[data-path], script, style") && /\\d/.test(data)) texts.push(data);
  }
  return texts;
}"""


def at(document: Any, path: str) -> Any:
    for key in path.split("."):
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def agrees(shown: str, value: Any) -> bool:
    """Whether a text shows a value of the document: a number to the digits that it has, a text or a part of it."""
    if value is None:
        return shown == page.NOT_KNOWN
    if isinstance(value, (int, float)):
        decimals = len(shown.partition(".")[2])
        return bool(NUMBER.fullmatch(shown)) and float(shown.replace(",", "")) == round(value, decimals)
    words = re.split(r"[ /:]+", shown)
    return all(word in value for word in words if word != "UTC")


def rows(visited: Page) -> int:
    return visited.locator("[data-layer] tbody tr:visible").count()


def test_the_page_opens_offline_asks_for_nothing_and_complains_of_nothing(report: Report, visit: Visiting) -> None:
    visited = visit(report)
    assert visited.page.title() == "Rehearsal of dev: passed"
    assert visited.requests == [visited.page.url]
    assert visited.said == []


def test_every_number_on_the_page_is_the_document_s(report: Report, visit: Visiting) -> None:
    shown = visit(report).page
    document = report.model_dump(mode="json")
    marked = shown.evaluate(MARKED)
    assert len(marked) > 4 * report.totals.resources
    wrong = [(path, text, at(document, path)) for path, text, _ in marked if not agrees(text, at(document, path))]
    assert wrong == []
    exact = [(path, value) for path, _, value in marked if value is not None]
    assert [
        each for each in exact if each[1] != str("" if at(document, each[0]) is None else at(document, each[0]))
    ] == []
    assert shown.evaluate(UNMARKED) == []


@pytest.mark.parametrize(
    "part",
    ["cost.minimum", "cost.maximum", "cost.lines", "quotas", "steps", "left", "layers", "picture", "base.changes"],
)
def test_no_number_of_the_document_is_missing_on_the_page(report: Report, visit: Visiting, part: str) -> None:
    document = report.model_dump(mode="json")
    on_page = {path for path, *_ in visit(report).page.evaluate(MARKED)}
    aside = re.compile(r"\.base\.(hour|month)$|\.chips_per_machine$|\.changed$")  # others say them, or a difference
    wanted = {path for path in numbers(at(document, part), part) if not aside.search(path)}
    assert {path for path in wanted - on_page if not (path.endswith("chips") and at(document, path) == 0)} == set()


def numbers(value: Any, path: str) -> list[str]:
    """Paths of all numbers in a value."""
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in numbers(inner, f"{path}.{key}")]
    if isinstance(value, list):
        return [each for index, inner in enumerate(value) for each in numbers(inner, f"{path}.{index}")]
    return [path] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def test_what_others_write_is_shown_and_never_run(hostile: Report, visit: Visiting) -> None:
    visited = visit(hostile)
    assert visited.page.evaluate("[window.hacked, document.images.length, document.scripts.length]") == [None, 0, 1]
    assert visited.requests == [visited.page.url]
    assert visited.said == []
    assert visited.page.title() == "Rehearsal of dev: failed"
    assert visited.page.locator(".alarm").inner_text().count(HOSTILE) == 2
    for section in ("changes", "picture", "resources", "policy", "faults", "left"):
        assert HOSTILE in (visited.page.locator(f"#{section}").text_content() or ""), section


def test_its_policy_lets_no_foreign_script_run(report: Report, visit: Visiting) -> None:
    shown = visit(report).page
    shown.evaluate("""() => {
      const foreign = document.createElement("script");
      foreign.textContent = "window.hacked = true";
      document.body.append(foreign);
    }""")
    assert shown.evaluate("window.hacked") is None


def test_what_goes_away_comes_first_and_says_so_in_words(report: Report, visit: Visiting) -> None:
    changes = visit(report).page.locator("#changes tbody tr")
    words = [" ".join(text.split()) for text in changes.all_inner_texts()]
    assert words[0].startswith("replace protected storage-models")
    assert "location EU becomes US-CENTRAL1 forces replacement" in words[0]
    assert [each.split()[0] for each in words] == ["replace", "delete", "update", "create"]
    red, calm = (
        changes.nth(at).locator("td").first.evaluate("x => getComputedStyle(x).backgroundColor") for at in (0, 3)
    )
    assert red != calm


def test_everything_is_reached_and_used_with_the_keyboard_alone(report: Report, visit: Visiting) -> None:
    shown = visit(report).page
    keys = shown.keyboard
    keys.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    assert shown.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index] # it is seen when it has the focus
    keys.press("Tab")
    assert shown.evaluate("document.activeElement.id") == "theme"
    reached = []
    for _ in SECTIONS:
        keys.press("Tab")
        reached.append(shown.evaluate("document.activeElement.getAttribute('href')"))
    assert reached == [f"#{name}" for name in SECTIONS]
    keys.press("Enter")
    assert shown.evaluate("location.hash") == f"#{SECTIONS[-1]}"

    everything = rows(shown)
    assert everything == sum(len(layer.resources) for layer in report.layers)
    keys.press("/")
    assert shown.evaluate("document.activeElement.id") == "filter"
    keys.type("bucket:Bucket models")
    assert rows(shown) == 1
    assert shown.locator("#found").inner_text() == f"1 of {everything} shown"
    keys.press("Escape")
    assert rows(shown) == everything


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_system_s_until_the_button_is_pressed(report: Report, visit: Visiting, scheme: str) -> None:
    shown = visit(report, color_scheme=scheme).page
    paper = "() => getComputedStyle(document.body).backgroundColor"
    brightness = sum(map(int, re.findall(r"\d+", shown.evaluate(paper))[:3]))
    assert (brightness > 600) == (scheme == "light")
    button = shown.locator("#theme")
    assert button.get_attribute("aria-pressed") == str(scheme == "dark").lower()
    before = shown.evaluate(paper)
    button.focus()
    shown.keyboard.press("Enter")
    assert shown.evaluate(paper) != before
    assert button.get_attribute("aria-pressed") == str(scheme != "dark").lower()


CONTRASTS = """() => {
  const luminance = (colour) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "white";
  };
  const hasWords = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("main *, header *, nav *")]
    .filter((each) => !each.closest("svg, [hidden]") && hasWords(each))
    .map((each) => {
      const [ink, paper] = [luminance(getComputedStyle(each).color), luminance(behind(each))];
      const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      return [ratio, each.tagName, each.className, each.textContent.slice(0, 30)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_as_wcag_asks(hostile: Report, report: Report, visit: Visiting, scheme: str) -> None:
    for each in (report, hostile):
        assert visit(each, color_scheme=scheme).page.evaluate(CONTRASTS) == []


def test_tables_have_captions_and_headings_and_ids_are_given_once(report: Report, visit: Visiting) -> None:
    shown = visit(report).page
    assert shown.locator("table").count() == shown.locator("table > caption").count() > 10
    assert shown.locator("th:not([scope])").count() == 0
    ids = shown.evaluate("[...document.querySelectorAll('[id]')].map(x => x.id)")
    assert len(ids) == len(set(ids))
    assert shown.evaluate("[...document.querySelectorAll('.scroll')].every(x => x.tabIndex === 0)")


@retry(retry=retry_if_exception_type(Error), stop=stop_after_attempt(3), wait=wait_fixed(1), reraise=True)
def picture(shown: Page, file: Path) -> None:
    """Of the whole page. A busy machine now and then gives Chromium no memory for one of ten thousand lines."""
    shown.screenshot(path=file, full_page=True)


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("light", 1280, "light"), ("dark", 1280, "dark"), ("narrow", 380, "light")]
)
def test_nothing_is_wider_than_the_screen(
    report: Report, visit: Visiting, artefacts: Path, name: str, width: int, scheme: str
) -> None:
    shown = visit(report, width, color_scheme=scheme).page
    picture(shown, artefacts / f"{name}.png")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_nothing_is_folded_filtered_or_cut(report: Report, visit: Visiting, artefacts: Path) -> None:
    shown = visit(report, 720, color_scheme="dark").page
    everything = rows(shown)
    shown.locator("#filter").fill("no such resource")
    assert rows(shown) == 0
    shown.emulate_media(media="print")
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")  # as a browser's print does
    assert rows(shown) == everything
    assert shown.locator("details:not([open])").count() == 0
    assert [name for name in SECTIONS if not shown.locator(f"#{name} h2").is_visible()] == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= 720
    assert shown.evaluate(
        "[...document.querySelectorAll('main .scroll')].every(x => x.scrollWidth <= x.clientWidth + 1)"
    )
    assert (
        shown.evaluate("getComputedStyle(document.body).color") == "rgb(27, 30, 35)"
    )  # dark ink, whatever the screen has
    picture(shown, artefacts / "print.png")
    assert shown.pdf(path=artefacts / "print.pdf", format="A4").startswith(b"%PDF")


def test_three_times_the_largest_stack_opens_and_filters_at_once(report: Report, visit: Visiting) -> None:
    many = report.model_copy(update={"layers": report.layers * 9})
    shown = visit(many).page
    assert rows(shown) > 900
    seconds = shown.evaluate("""() => {
      const filter = document.getElementById("filter");
      const began = performance.now();
      filter.value = "bucket";
      filter.dispatchEvent(new Event("input"));
      document.body.offsetHeight;
      return (performance.now() - began) / 1000;
    }""")
    assert seconds < 1
