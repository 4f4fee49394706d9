"use strict";
// The tables stand complete without this: it sorts and filters them, keeps the view in the address, enlarges figures.
(() => {
  const tables = [...document.querySelectorAll("table[data-name]")];
  const tools = document.querySelector(".tools");
  const filter = document.getElementById("filter");
  const intervals = document.getElementById("intervals");
  const count = document.getElementById("count");
  const large = document.getElementById("large");
  const collator = new Intl.Collator("en", { numeric: true });
  // Name of a table -> [column, 1 or -1].
  const sorted = new Map();
  // Table -> its rows as they were written, once it was sorted.
  const original = new Map();
  const heads = (table) => table.tHead.rows[table.tHead.rows.length - 1].cells;

  // Numbers are sorted by what they are in full, words by themselves. A number that is not there comes last, whichever way.
  const value = (cell, numbers) => (numbers ? cell.dataset.v || "" : cell.firstChild ? cell.firstChild.textContent : "");
  const compare = (sign) => ([x], [y]) => {
    if (x === "" || y === "") return (x === "") - (y === "");
    const [m, n] = [Number(x), Number(y)];
    return sign * (Number.isNaN(m) || Number.isNaN(n) ? collator.compare(x, y) : m - n);
  };

  function sort(table) {
    const [column, sign] = sorted.get(table.dataset.name) || [-1, 1];
    // Most tables of many stand as they were written: they are left alone, so that the page opens at once.
    if (column < 0 && !original.has(table)) return;
    if (!original.has(table)) original.set(table, [...table.tBodies[0].rows]);
    let rows = original.get(table);
    if (column >= 0) {
      const numbers = heads(table)[column].matches(".n");
      // Headings of groups stand above their rows in the first order only.
      const keyed = rows.filter((row) => !row.matches(".group")).map((row) => [value(row.cells[column], numbers), row]);
      rows = keyed.sort(compare(sign)).map(([, row]) => row);
    }
    table.tBodies[0].replaceChildren(...rows);
    [...heads(table)].forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }

  let filtered = false;
  function show() {
    document.body.classList.toggle("intervals", intervals.checked);
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    // Where every row stands there is none to show again.
    if (!words.length && !filtered) return;
    filtered = words.length > 0;
    let shown = 0;
    let all = 0;
    for (const table of tables) {
      for (const row of table.tBodies[0].rows) {
        if (row.matches(".group")) {
          row.hidden = words.length > 0;
          continue;
        }
        const text = words.length ? row.textContent.toLowerCase() : "";
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
        all += 1;
      }
    }
    count.textContent = words.length ? `${shown} of ${all} rows` : "";
  }

  // The view is the query of the fragment: #main?filter=jpeg&intervals=1&sort=main:2:-1
  function read() {
    const [place, query = ""] = decodeURI(location.hash.slice(1)).split("?");
    const view = new URLSearchParams(query);
    filter.value = view.get("filter") || "";
    intervals.checked = view.has("intervals");
    sorted.clear();
    for (const one of view.getAll("sort")) {
      const [name, column, sign] = one.split(":");
      const table = tables.find((candidate) => candidate.dataset.name === name);
      const index = Number(column);
      if (table && index >= 0 && index < heads(table).length) {
        sorted.set(name, [index, sign === "-1" ? -1 : 1]);
      }
    }
    tables.forEach(sort);
    show();
    go(place);
  }

  function go(place) {
    document.querySelectorAll("details.here").forEach((one) => one.classList.remove("here"));
    const target = place && document.getElementById(place);
    if (!target) return;
    if (target.tagName === "DETAILS") {
      target.open = true;
      target.classList.add("here");
    }
    target.scrollIntoView();
  }

  function keep() {
    const view = new URLSearchParams();
    if (filter.value) view.set("filter", filter.value);
    if (intervals.checked) view.set("intervals", "1");
    for (const [name, [column, sign]] of sorted) view.append("sort", `${name}:${column}:${sign}`);
    const [place] = location.hash.slice(1).split("?");
    const query = view.toString();
    history.replaceState(null, "", `#${place}${query ? `?${query}` : ""}`);
  }

  for (const table of tables) {
    [...heads(table)].forEach((head, index) => {
      const button = document.createElement("button");
      button.type = "button";
      const title = head.querySelector(".title");
      button.append(...title.childNodes);
      if (!button.textContent) button.setAttribute("aria-label", "Sort by name");
      title.replaceWith(button);
      button.addEventListener("click", () => {
        const [column, sign] = sorted.get(table.dataset.name) || [-1, 1];
        // Numbers are first sorted from the best end down, text from A; a third click gives the first order back.
        const first = head.classList.contains("n") ? -1 : 1;
        if (column !== index) sorted.set(table.dataset.name, [index, first]);
        else if (sign === first) sorted.set(table.dataset.name, [index, -first]);
        else sorted.delete(table.dataset.name);
        sort(table);
        show();
        keep();
      });
    });
  }

  // As many rows as the style shows of a long table.
  const FIRST = 200;
  for (const wide of document.querySelectorAll(".long")) {
    const rows = wide.querySelector("tbody").rows.length;
    if (rows <= FIRST) continue;
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";
    more.textContent = `Show all ${rows.toLocaleString("en")} rows, not the first ${FIRST} alone`;
    more.addEventListener("click", () => {
      wide.classList.add("whole");
      more.remove();
      wide.focus();
    });
    wide.after(more);
  }

  document.addEventListener("mouseover", (event) => {
    const entry = event.target.closest("td[data-i]");
    if (entry) entry.title = entry.dataset.i;
  });
  tools.hidden = false;
  // Tables of which only what was printed is kept have none.
  intervals.parentElement.hidden = !document.querySelector("td[data-i]");
  tools.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", () => { show(); keep(); });
  intervals.addEventListener("change", () => { show(); keep(); });
  window.addEventListener("hashchange", read);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link) {
      // A link within the page keeps the view.
      event.preventDefault();
      const [, query = ""] = location.hash.split("?");
      history.pushState(null, "", link.getAttribute("href") + (query ? `?${query}` : ""));
      go(link.getAttribute("href").slice(1));
      return;
    }
    const zoom = event.target.closest(".zoom");
    if (zoom) {
      large.querySelector(".pan").replaceChildren(zoom.querySelector("img").cloneNode());
      large.showModal();
    }
  });
  window.addEventListener("popstate", read);
  read();
})();
