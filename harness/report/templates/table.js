"use strict";
(() => {
  const table = document.getElementById("rows");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const filter = document.getElementById("filter");
  const task = document.getElementById("task");
  const matches = document.getElementById("matches");

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = (!task.value || row.dataset.task === task.value) && words.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    matches.value = `${shown} of ${rows.length} rows`;
  };

  // Missing values stay at the end, whichever way the column is sorted.
  const compare = (column, direction) => (a, b) => {
    const [left, right] = [a.cells[column], b.cells[column]];
    if (!("value" in left.dataset)) return direction * left.textContent.localeCompare(right.textContent);
    const [x, y] = [left.dataset.value, right.dataset.value];
    if (x === "" || y === "") return (x === "") - (y === "");
    return direction * (Number(x) - Number(y));
  };

  Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
    heading.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows.sort(compare(column, up ? 1 : -1)));
    });
  });
  filter.addEventListener("input", show);
  task.addEventListener("change", show);

  // A link into what is folded opens it.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  // What is folded on the screen is on paper too.
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
})();
