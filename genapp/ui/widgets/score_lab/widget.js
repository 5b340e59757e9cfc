// Value: {data, before (JSON of two pairs), cosines (base64 of int16 [layer][candidate][reference])}.
// props: share, the prefix of the switches in the URL.
const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const key = (name) => `${props.share}.${name}`;
const kept = (name) => window.genapp.url.get(key(name));
let data = null;
let before = null;
let cosines = new Int16Array(0);
let chosenLayer = kept("layer") === null ? null : Number(kept("layer")); // null: the usual one
let drawn = null;
let cell = null; // [i, j] under the pointer or the keyboard

const root = make("section", "score-lab");
root.setAttribute("aria-label", props.label);
const bar = make("div", "bar");
const layerLabel = make("label", "layer", "Layer");
const layer = Object.assign(make("input"), { type: "range", min: 0, max: 0, step: 1 });
layer.setAttribute("aria-label", "Layer");
const layerSaid = make("output");
layerLabel.append(layer, layerSaid);
const idf = checkbox("idf", "IDF weights", "Rare words count more");
const rescale = checkbox("rescale", "Rescale", "0 is what unrelated sentences get");
const saves = make("span", "saves");
const saveSvg = Object.assign(make("button", "", ".svg"), { type: "button", title: "Download the picture" });
const saveCsv = Object.assign(make("button", "", ".csv"), { type: "button", title: "Download cosines and scores" });
saves.append(saveSvg, saveCsv);
bar.append(layerLabel, idf.label, rescale.label, saves);

const map = make("div", "map");
map.tabIndex = 0;
map.setAttribute("role", "img");
const read = make("p", "read");
const legend = make("p", "legend");
const spoken = make("p", "hidden");
spoken.setAttribute("aria-live", "polite");
const asTable = make("details");
const tableHost = make("div", "cosines");
asTable.append(make("summary", "", "The cosines as a table"), tableHost);
const left = make("div");
left.append(map, legend, read, asTable);
const right = make("div");
const summary = make("p", "summary");
const column = make("div");
right.append(summary, column);
const body = make("div", "body");
body.append(left, right);
root.append(bar, body, spoken);
element.replaceChildren(root);

function checkbox(name, title, help) {
  const label = make("label", "", "");
  const box = Object.assign(make("input"), { type: "checkbox", checked: kept(name) === "true" });
  label.title = help;
  label.append(box, title);
  box.addEventListener("change", () => {
    window.genapp.url.set(key(name), box.checked, false);
    draw();
  });
  return { label, box };
}

const at = () => {
  const top = data.plain.length - 1;
  return chosenLayer !== null && chosenLayer >= 0 && chosenLayer <= top ? chosenLayer : data.usual;
};
const switches = (pair) => ({
  layer: chosenLayer === null ? pair.usual : at(),
  idf: idf.box.checked,
  rescale: rescale.box.checked,
});
const cosine = (i, j) => {
  const [C, R] = [data.candidate.length, data.reference.length];
  return cosines[(at() * C + i) * R + j] / 32767;
};

function adopt() {
  const value = props.value || {};
  if (!value.data) return;
  const last = data;
  data = JSON.parse(value.data);
  before = value.before ? JSON.parse(value.before) : last;
  const bytes = Uint8Array.from(atob(value.cosines), (c) => c.charCodeAt(0));
  cosines = new Int16Array(bytes.buffer);
  cell = null;
  root.dataset.pair = data.pair.join(" | ");
  draw();
}

function draw() {
  if (!data) return;
  layer.max = data.plain.length - 1;
  layer.value = at();
  layerSaid.textContent = `${at()} of ${layer.max}${at() === 0 ? ", embeddings" : ""}`;
  const style = getComputedStyle(root);
  const colour = (name) => style.getPropertyValue(name).trim();
  drawn = drawMatrix({
    candidate: data.candidate,
    reference: data.reference,
    at: cosine,
    weights: idf.box.checked ? data.weights : null,
    width: map.clientWidth || 520,
    style: { ink: style.color, paper: colour("--paper"), hue: colour("--hue"), faint: colour("--faint") },
    caption: caption(),
  });
  map.innerHTML = drawn.svg;
  map.setAttribute("aria-label", `Cosines, ${data.candidate.length} candidate tokens by ${data.reference.length} reference tokens. Arrow keys move.`);
  legend.textContent = `rows: candidate · columns: reference · shade from ${drawn.low.toFixed(2)} to 1 · ● closest to the row's token (precision) · ○ closest to the column's (recall)`;
  mark();
  const now = scoresOf(data, switches(data));
  const was = before && scoresOf(before, switches(before));
  column.replaceChildren(scoreTable(now, was, make));
  summary.textContent = was ? `${against()} ${moved(now, was)}` : "";
  if (asTable.open) fillTable();
}

const caption = () => `${data.pair[0]} | ${data.pair[1]} — cosines by ${data.encoder}, layer ${at()}`;

function against() {
  if (before.pair.join("|") === data.pair.join("|")) {
    return before.encoder === data.encoder ? "The same pair as before." : `Before: the same pair by ${before.encoder}.`;
  }
  return `Before: “${before.pair[0]}”.`;
}

function mark() {
  const group = map.querySelector(".mark");
  group.innerHTML = cell ? arrows(...cell, drawn.geometry, drawn.best, getComputedStyle(root).getPropertyValue("--accent")) : "";
  read.textContent = cell ? words(...cell) : "Move over the matrix, or use the arrow keys, to follow a token to its closest.";
}

function words(i, j) {
  const [rows, columns] = [names(data.candidate), names(data.reference)];
  const c = drawn.best.rows[i];
  const r = drawn.best.columns[j];
  return `${rows[i]} · ${columns[j]}: ${cosine(i, j).toFixed(4)}. ${rows[i]} is closest to ${columns[c]} (${cosine(i, c).toFixed(3)}), ${columns[j]} to ${rows[r]} (${cosine(r, j).toFixed(3)}).`;
}

function fillTable() {
  const table = make("table");
  const head = make("tr");
  head.append(make("td"), ...names(data.reference).map((t) => make("th", "", t)));
  table.append(head);
  names(data.candidate).forEach((t, i) => {
    const row = make("tr");
    row.append(make("th", "", t), ...data.reference.map((_, j) => make("td", "", cosine(i, j).toFixed(3))));
    table.append(row);
  });
  tableHost.replaceChildren(table);
}

function take(name, type, content) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

layer.addEventListener("input", () => {
  chosenLayer = Number(layer.value);
  window.genapp.url.set(key("layer"), chosenLayer, data && data.usual);
  draw();
});
map.addEventListener("pointermove", (event) => {
  if (!drawn) return;
  const box = map.querySelector("svg").getBoundingClientRect();
  const { left, top, cell: size, C, R } = drawn.geometry;
  const i = Math.floor((event.clientY - box.top - top) / size);
  const j = Math.floor((event.clientX - box.left - left) / size);
  cell = i >= 0 && i < C && j >= 0 && j < R ? [i, j] : null;
  mark();
});
map.addEventListener("pointerleave", () => {
  cell = null;
  if (drawn) mark();
});
map.addEventListener("keydown", (event) => {
  const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
  if (!step || !drawn) return;
  event.preventDefault();
  const { C, R } = drawn.geometry;
  const within = (x, n) => Math.max(0, Math.min(n - 1, x));
  cell = cell ? [within(cell[0] + step[0], C), within(cell[1] + step[1], R)] : [0, 0];
  mark();
  spoken.textContent = read.textContent;
});
asTable.addEventListener("toggle", () => asTable.open && data && fillTable());
saveSvg.addEventListener("click", () => {
  if (!data) return;
  const paper = getComputedStyle(root).getPropertyValue("--paper").trim();
  take("cosines.svg", "image/svg+xml", drawn.svg.replace("</title>", `</title><desc>${escaped(JSON.stringify(switches(data)))}</desc><rect width="100%" height="100%" fill="${paper}"/>`));
});
saveCsv.addEventListener("click", () => {
  if (!data) return;
  const quote = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const lines = [["", ...names(data.reference)].map(quote).join(",")];
  names(data.candidate).forEach((t, i) => lines.push([quote(t), ...data.reference.map((_, j) => cosine(i, j).toFixed(5))].join(",")));
  const scores = scoresOf(data, switches(data));
  lines.push("", ...Object.entries(scores).map(([name, x]) => `${name},${x}`));
  const settings = { candidate: data.pair[0], reference: data.pair[1], encoder: data.encoder, ...switches(data) };
  lines.push(quote(JSON.stringify(settings)));
  take("measures.csv", "text/csv", lines.join("\n"));
});

let width = 0;
new ResizeObserver(() => {
  if (map.clientWidth !== width) {
    width = map.clientWidth;
    draw();
  }
}).observe(map);
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", adopt);
adopt();
