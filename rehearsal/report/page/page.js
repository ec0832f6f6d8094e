"use strict";
(() => {
  const root = document.documentElement;

  // The theme: the system's, until the person chooses; the choice is kept where the browser lets a file keep one.
  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => toggle.setAttribute("aria-pressed", String(isDark()));
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* kept for this visit only */ }
    tell();
  });
  system.addEventListener("change", tell);
  toggle.hidden = false;
  tell();

  // The filter of the resources: every word has to be in a row.
  const filter = document.getElementById("filter");
  const layers = [...document.querySelectorAll("[data-layer]")].map((layer) => ({
    layer,
    rows: [...layer.querySelectorAll("tbody tr")].map((row) => [row, `${layer.dataset.layer} ${row.textContent}`.toLowerCase()]),
  }));
  const total = layers.reduce((sum, { rows }) => sum + rows.length, 0);
  const found = document.getElementById("found");
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { layer, rows } of layers) {
      let here = 0;
      for (const [row, text] of rows) {
        const fits = words.every((word) => text.includes(word));
        row.hidden = !fits;
        here += fits;
      }
      layer.hidden = here === 0;
      shown += here;
    }
    found.textContent = words.length ? `${shown} of ${total} shown` : "";
  };
  filter.addEventListener("input", apply);
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { filter.value = ""; apply(); }
  });
  document.getElementById("filtering").hidden = false;

  // "/" goes to the filter, unless something is being written.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input")) return;
    event.preventDefault();
    filter.focus();
  });

  // On paper nothing is folded and nothing is filtered away.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const each of folded) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of folded) each.open = false; });
})();
