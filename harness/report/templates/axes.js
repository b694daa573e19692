"use strict";
// Which cells go together and what is said of it was worked out beforehand for every set of axes: here it is shown.
const { tensors, colours } = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const LEFT = 3.2;

function element(parent, name, attributes = {}, text = null) {
  const made = parent.namespaceURI === SVG || name === "svg" ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return parent.appendChild(made);
}

function indexInWords(tensor, index) {
  return index.map((i, k) => `${k ? tensor.axes[k] : "example"} ${i + 1}`).join(", ");
}

function show(section) {
  const tensor = tensors[section.dataset.tensor];
  const find = (selector) => section.querySelector(selector);
  const state = { kept: new Set(), named: null, choice: null };

  const TOP = 0.1 + 0.6 * (tensor.heads.length ? tensor.heads[0][1].length : 0);
  const svg = element(find(".drawn"), "svg", {
    viewBox: `0 0 ${LEFT + tensor.size[0] + 0.1} ${TOP + tensor.size[1] + 0.1}`, role: "group", "aria-label": "The tensor's first values",
  });
  svg.style.maxWidth = `${Math.min(720, 54 * (LEFT + tensor.size[0]))}px`;
  for (const [at, lines] of tensor.heads) {
    lines.forEach((text, n) => element(svg, "text", { class: "label", x: LEFT + at, y: 0.3 + 0.6 * n }, text));
  }
  for (const [at, text] of tensor.sides) element(svg, "text", { class: "label side", x: LEFT - 0.3, y: TOP + at }, text);
  const cells = tensor.cells.map(({ index, at: [x, y] }, number) => {
    const rect = element(svg, "rect", { x: LEFT + x, y: TOP + y, width: 1, height: 1, rx: 0.06, tabindex: number ? -1 : 0,
      role: "img", "aria-label": indexInWords(tensor, index) });
    const text = element(svg, "text", { x: LEFT + x + 0.5, y: TOP + y + 0.5 });
    rect.addEventListener("pointerenter", () => point(number));
    rect.addEventListener("focus", () => point(number));
    rect.addEventListener("click", () => rect.focus());
    rect.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (step) { event.preventDefault(); move(number, step); }
    });
    return { rect, text, index, x, y };
  });
  svg.addEventListener("pointerleave", () => point(null));

  function move(number, [right, down]) {
    // The nearest cell that way, in the same row or column.
    const from = cells[number];
    const ahead = cells.map((cell, other) => [(cell.x - from.x) * right + (cell.y - from.y) * down, cell, other])
      .filter(([far, cell]) => far > 0 && (right ? cell.y === from.y : cell.x === from.x)).sort((a, b) => a[0] - b[0]);
    if (!ahead.length) return;
    from.rect.setAttribute("tabindex", -1);
    ahead[0][1].rect.setAttribute("tabindex", 0);
    ahead[0][1].rect.focus();
  }

  function point(number) {
    const numbers = state.choice.numbers;
    const on = number !== null && numbers[number] > 0;
    svg.classList.toggle("pointing", on);
    cells.forEach(({ rect }, other) => {
      rect.classList.toggle("here", other === number);
      rect.classList.toggle("shared", on && numbers[other] === numbers[number]);
    });
    const who = find(".who");
    if (number === null) { who.textContent = ""; return; }
    const where = indexInWords(tensor, cells[number].index);
    if (!on) { who.textContent = `${where}: no statistics.`; return; }
    const drawn = numbers.filter((one) => one === numbers[number]).length;
    const samples = state.choice.samples === null ? "" : ` In the whole batch ${state.choice.samples.toLocaleString("en")} values do (m′), itself among them.`;
    who.textContent = `${where}: shares its mean and variance with ${drawn - 1} of the ${cells.length - 1} other values drawn here.${samples}`;
  }

  function choose() {
    state.choice = state.named === null ? tensor.choices[[...state.kept].sort().join(",")] : tensor.named[state.named];
    axes.forEach((button, k) => button.setAttribute("aria-pressed", state.kept.has(k)));
    axes.forEach((button, k) => { button.querySelector("small").textContent = state.kept.has(k) ? "kept" : "averaged over"; });
    strategies.forEach((button, n) => button.setAttribute("aria-pressed", state.named === n));
    cells.forEach(({ rect, text }, n) => {
      const number = state.choice.numbers[n] ?? 0;
      rect.setAttribute("fill", number ? colours[(number - 1) % colours.length] : "#EEEEEE");
      text.textContent = number || "·";
    });
    const said = find(".said");
    said.replaceChildren();
    element(said, "p", {}, state.choice.sentence);
    const facts = element(said, "dl", { class: "facts" });
    for (const [name, value] of state.choice.facts) { element(facts, "dt", {}, name); element(facts, "dd", {}, value); }
    const findings = element(said, "ul", { class: "findings" });
    for (const { level, reason, remedy } of state.choice.findings) {
      const item = element(findings, "li");
      element(item, "b", { class: level }, level);
      item.append(` ${reason}`);
      if (remedy) { item.append(" → "); element(item, "i", {}, remedy); }
    }
    for (const [name, code] of state.choice.code) { element(said, "h3", {}, name); element(element(said, "pre"), "code", {}, code); }
    point(null);
  }

  const axes = tensor.axes.map((name, k) => {
    const button = element(find(".axes"), "button", { type: "button" }, `${k}: ${name} (${tensor.shape[k]})`);
    element(button, "small");
    button.addEventListener("click", () => {
      if (state.named !== null && tensor.named[state.named].key === null) state.kept.clear();
      state.named = null;
      if (!state.kept.delete(k)) state.kept.add(k);
      choose();
    });
    return button;
  });

  function take(number) {
    const { key } = tensor.named[number];
    state.named = number;
    state.kept = new Set(key ? key.split(",").map(Number) : []);
    choose();
  }

  const strategies = tensor.named.map(({ title }, number) => {
    const button = element(find(".named"), "button", { type: "button" }, title);
    button.addEventListener("click", () => take(number));
    return button;
  });
  take(0);
}

document.querySelectorAll("[data-tensor]").forEach(show);
