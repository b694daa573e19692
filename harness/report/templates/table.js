"use strict";
(() => {
  const table = document.getElementById("rows");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const headings = Array.from(table.tHead.rows[0].cells);
  const filter = document.getElementById("filter");
  const task = document.getElementById("task");
  const matches = document.getElementById("matches");
  const chips = Array.from(document.querySelectorAll("[data-show]"));
  const names = headings.map((heading) => heading.textContent.trim());
  const hidden = new Set();
  const without = new Set();
  let sorted = "";

  // What is seen is in the address, so that it can be sent: #where?filter=...&task=...&hide=...&without=...&sort=...
  const [anchor, query = ""] = location.hash.slice(1).split("?");
  const asked = new URLSearchParams(query);
  const remember = () => {
    const view = new URLSearchParams();
    if (filter.value) view.set("filter", filter.value);
    if (task.value) view.set("task", task.value);
    if (hidden.size) view.set("hide", Array.from(hidden).sort().join(","));
    if (without.size) view.set("without", Array.from(without).sort().join(","));
    if (sorted) view.set("sort", sorted);
    const where = location.hash.slice(1).split("?")[0];
    const text = view.toString();
    if (!text && !location.hash.includes("?")) return;
    try { history.replaceState(null, "", text ? `#${where || "all"}?${text}` : `#${where}`); } catch { /* a page without an address */ }
  };

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = (!task.value || row.dataset.task === task.value) && words.every((word) => text.includes(word));
      row.hidden = !fits || hidden.has(row.dataset.axis);
      shown += !row.hidden;
    }
    matches.value = `${shown} of ${rows.length} rows`;
    for (const chip of chips) chip.setAttribute("aria-pressed", !hidden.has(chip.dataset.show));
    for (const mark of document.querySelectorAll("svg [data-strategy]")) {
      const off = hidden.has(mark.dataset.strategy);
      if ("names" in mark.dataset) mark.classList.toggle("off", off);
      else mark.style.display = off ? "none" : "";
    }
    remember();
  };
  const toggle = (name) => { if (!hidden.delete(name)) hidden.add(name); show(); };
  for (const chip of chips) chip.addEventListener("click", () => toggle(chip.dataset.show));
  for (const name of document.querySelectorAll("svg [data-names]")) {
    name.addEventListener("click", () => toggle(name.dataset.strategy));
  }

  // Missing values stay at the end, whichever way the column is sorted.
  const compare = (column, direction) => (a, b) => {
    const [left, right] = [a.cells[column], b.cells[column]];
    if (!("value" in left.dataset)) return direction * left.textContent.localeCompare(right.textContent);
    const [x, y] = [left.dataset.value, right.dataset.value];
    if (x === "" || y === "") return (x === "") - (y === "");
    return direction * (Number(x) - Number(y));
  };
  const sort = (column, up) => {
    for (const other of headings) other.setAttribute("aria-sort", "none");
    headings[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    sorted = `${names[column]} ${up ? "up" : "down"}`;
    body.append(...rows.sort(compare(column, up ? 1 : -1)));
  };
  headings.forEach((heading, column) => {
    heading.addEventListener("click", () => {
      sort(column, heading.getAttribute("aria-sort") !== "ascending");
      remember();
    });
  });
  filter.addEventListener("input", show);
  task.addEventListener("change", show);

  // The first column says whose row it is and stays.
  const cut = () => {
    for (const row of [table.tHead.rows[0], ...rows]) {
      Array.from(row.cells).forEach((cell, column) => { cell.hidden = without.has(names[column]); });
    }
    remember();
  };
  const boxes = names.slice(1).map((name) => {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true, name });
    box.addEventListener("change", () => { if (box.checked) without.delete(name); else without.add(name); cut(); });
    label.append(box, ` ${name}`);
    document.getElementById("columns").append(label);
    return box;
  });

  // Each table as text: what is seen of it, in the order in which it is seen.
  const quote = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const named = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" };
  const escape = (text) => text.replace(/[\\&%$#_{}~^]/g, (one) => named[one] ?? `\\${one}`);
  const line = (cells, mark, end) => `${cells.join(mark)}${end}`;
  const formats = {
    CSV: (lines) => lines.map((cells) => line(cells.map(quote), ",", "\n")).join(""),
    Markdown: (lines, numeric) => [lines[0], numeric.map((one) => (one ? "---:" : ":---")), ...lines.slice(1)]
      .map((cells) => `| ${line(cells.map((text) => text.replaceAll("|", "\\|")), " | ", " |\n")}`).join(""),
    LaTeX: (lines, numeric) => {
      const [head, ...rest] = lines.map((cells) => line(cells.map(escape), " & ", " \\\\\n"));
      const columns = numeric.map((one) => (one ? "r" : "l")).join("");
      return `\\begin{tabular}{${columns}}\n\\toprule\n${head}\\midrule\n${rest.join("")}\\bottomrule\n\\end{tabular}\n`;
    },
  };
  const textOf = (one, format) => {
    const seen = Array.from(one.rows).filter((row) => !row.hidden)
      .map((row) => Array.from(row.cells).filter((cell) => !cell.hidden));
    const lines = seen.map((cells) => cells.map((cell) => cell.textContent.replace(/\s+/g, " ").trim()));
    return formats[format](lines, seen[0].map((cell) => cell.classList.contains("num")));
  };
  const copy = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* a file that was opened may not */ }
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const one of document.querySelectorAll(".scroll > table")) {
    const links = Object.assign(document.createElement("p"), { className: "links copy" });
    links.append("Copy as ");
    for (const format of Object.keys(formats)) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: format });
      button.addEventListener("click", async () => {
        links.dataset.copied = textOf(one, format);
        button.textContent = (await copy(links.dataset.copied)) ? `${format} ✓` : `${format} ✗`;
        setTimeout(() => { button.textContent = format; }, 1500);
      });
      links.append(button, " ");
    }
    one.parentElement.after(links);
  }

  // What was sent is seen again.
  filter.value = asked.get("filter") ?? "";
  task.value = asked.get("task") ?? "";
  for (const name of (asked.get("hide") ?? "").split(",").filter(Boolean)) hidden.add(name);
  for (const box of boxes) {
    if (!(asked.get("without") ?? "").split(",").includes(box.name)) continue;
    box.checked = false;
    without.add(box.name);
  }
  const order = asked.get("sort") ?? "";
  const column = names.indexOf(order.replace(/ (up|down)$/, ""));
  if (column >= 0) sort(column, order.endsWith("up"));
  if (without.size) cut();
  show();

  // A link into what is folded opens it.
  const reveal = () => {
    const where = location.hash.slice(1).split("?")[0];
    const target = where && document.getElementById(decodeURIComponent(where));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (anchor) reveal();

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
