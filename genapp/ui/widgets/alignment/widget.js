// What each written word read: rows are written pieces, columns pieces of the source.
// Value: {data (JSON: source, pieces, layers, heads, tops, vector, settings, ghost), weights (base64 of
// uint16 [pieces][layers][heads][source]), run, status, note}. props: label, empty.
const CELL = 30;
let shown = { source: [], pieces: [], layers: 0, heads: 0, tops: [], vector: [] };
let weights = new Uint16Array(0);
let run = null;
let locked = null; // row chosen by click or keys; null follows the last one
let hover = null; // [row, column]
let layer = -1; // −1 = mean
let head = -1;
let hard = false; // mark each row's heaviest cell
let geometry = { left: 0, top: 0, cell: CELL };

const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};
const root = make("section", "align");
root.setAttribute("aria-label", props.label);
const bar = make("div", "bar");
const canvas = make("canvas");
canvas.tabIndex = 0;
canvas.setAttribute("role", "img");
const map = make("div", "map");
map.append(canvas);
const said = make("p", "said");
const read = make("p", "read");
const tops = make("div", "tops");
const note = make("p", "note");
const spoken = make("p", "spoken");
spoken.setAttribute("aria-live", "polite");
const save = make("button", "", ".csv");
save.type = "button";
save.title = "Download the weights that are drawn";
const layerMenu = menu("Layer", (v) => (layer = v));
const headMenu = menu("Head", (v) => (head = v));
const hardest = make("label", "", "heaviest piece");
const tick = make("input");
tick.type = "checkbox";
tick.title = "Mark the heaviest cell of each row: a hard alignment";
tick.addEventListener("change", () => {
  hard = tick.checked;
  draw();
});
hardest.prepend(tick);
bar.append(layerMenu.label, headMenu.label, hardest, save);
const body = make("div", "body");
const side = make("div", "side");
side.append(said, read, tops);
body.append(map, side);
root.append(bar, body, note, spoken);
element.replaceChildren(root);

function menu(title, set) {
  const label = make("label", "", title);
  const select = make("select");
  select.addEventListener("change", () => {
    set(Number(select.value));
    draw();
  });
  label.append(select);
  return { label, select, size: -1 };
}

function offer(menu, size, current) {
  menu.label.hidden = size < 2;
  menu.label.style.display = size < 2 ? "none" : "";
  if (menu.size === size) return;
  menu.size = size;
  menu.select.replaceChildren(new Option("mean", -1));
  for (let i = 0; i < size; i++) menu.select.append(new Option(i + 1, i));
  menu.select.value = current;
}

const word = (piece) => piece.replace("▁", "").replace("</s>", "∎") || "␣";
const label = (piece) => (piece.startsWith("▁") || piece === "</s>" ? "" : "·") + word(piece);
const row = () => (locked !== null && locked < shown.pieces.length ? locked : shown.pieces.length - 1);

function adopt() {
  const value = props.value && typeof props.value === "object" ? props.value : {};
  if (value.data) shown = JSON.parse(value.data);
  const bytes = Uint8Array.from(atob(value.weights || ""), (c) => c.charCodeAt(0));
  weights = new Uint16Array(bytes.buffer);
  if (value.run !== run) {
    run = value.run;
    locked = hover = null;
  }
  if (layer >= shown.layers) layer = -1;
  if (head >= shown.heads) head = -1;
  offer(layerMenu, shown.layers, layer);
  offer(headMenu, shown.heads, head);
  note.textContent = value.note || "";
  root.dataset.status = value.status || "";
  root.dataset.rows = shown.pieces.length;
  draw();
}

// One weight: of the chosen layer and head, or the mean over them.
function weight(i, j) {
  const S = shown.source.length;
  const layers = layer < 0 ? [...Array(shown.layers).keys()] : [layer];
  const heads = head < 0 ? [...Array(shown.heads).keys()] : [head];
  let sum = 0;
  for (const l of layers) for (const h of heads) sum += weights[((i * shown.layers + l) * shown.heads + h) * S + j];
  return sum / (layers.length * heads.length * 65535);
}

function draw() {
  const attends = shown.layers > 0;
  const { source, pieces } = shown;
  map.hidden = !source.length;
  if (source.length && (attends || !pieces.length)) paint();
  else if (source.length) vector();
  write();
}

function paint() {
  if (!map.contains(canvas)) map.replaceChildren(canvas);
  const { source, pieces } = shown;
  const style = getComputedStyle(root);
  const ink = style.color;
  const hue = style.getPropertyValue("--hue");
  const faint = style.getPropertyValue("--border-color-primary");
  const context = canvas.getContext("2d");
  context.font = `13px ${style.fontFamily}`;
  const wide = (list) => Math.max(20, ...list.map((p) => context.measureText(label(p)).width));
  const left = Math.ceil(wide(pieces)) + 12;
  const top = Math.ceil(wide(source)) + 12;
  const room = Math.floor((map.clientWidth - left - 4) / source.length);
  const cell = Math.max(17, Math.min(38, room || CELL));
  geometry = { left, top, cell };
  const width = left + cell * source.length + 2;
  const height = top + cell * Math.max(1, pieces.length) + 2;
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  context.scale(scale, scale);
  context.font = `13px ${style.fontFamily}`;
  context.textBaseline = "middle";
  const chosen = row();
  source.forEach((piece, j) => {
    const strong = chosen >= 0 && shown.layers && weight(chosen, j) > 0.2;
    context.save();
    context.translate(left + cell * (j + 0.5), top - 7);
    context.rotate(-Math.PI / 2);
    context.fillStyle = ink;
    context.globalAlpha = strong || (hover && hover[1] === j) ? 1 : 0.62;
    context.fillText(label(piece), 0, 0);
    context.restore();
  });
  pieces.forEach((piece, i) => {
    const y = top + cell * (i + 0.5);
    context.globalAlpha = i === chosen ? 1 : 0.62;
    context.fillStyle = ink;
    context.textAlign = "right";
    context.fillText(label(piece), left - 8, y);
    context.textAlign = "left";
    for (let j = 0; j < source.length; j++) {
      const x = left + cell * j;
      context.globalAlpha = 1;
      context.fillStyle = `rgba(${hue}, ${(0.03 + 0.97 * weight(i, j)).toFixed(3)})`;
      context.fillRect(x + 1, y - cell / 2 + 1, cell - 2, cell - 2);
    }
    if (i === chosen) {
      context.strokeStyle = locked === null ? faint : `rgb(${hue})`;
      context.strokeRect(left + 0.5, y - cell / 2 + 0.5, cell * source.length - 1, cell - 1);
    }
  });
  context.globalAlpha = 1;
  outline(context, ink);
  if (hard) dots(context, ink);
  const best = chosen >= 0 ? sources(chosen) : "";
  canvas.setAttribute("aria-label", `${props.label}: ${pieces.length} rows, ${source.length} columns. ${best} Arrow keys choose a row.`);
}

// The expected cells, dashed: where a person would draw the alignment.
function outline(context, ink) {
  const { left, top, cell } = geometry;
  context.strokeStyle = ink;
  context.lineWidth = 1.5;
  context.setLineDash([4, 3]);
  for (const [first, last, from, to] of shown.ghost || []) {
    if (last >= shown.pieces.length) continue;
    const [x, y] = [left + cell * from, top + cell * first];
    context.strokeRect(x + 2, y + 2, cell * (to - from + 1) - 4, cell * (last - first + 1) - 4);
  }
  context.setLineDash([]);
  context.lineWidth = 1;
}

// The heaviest cell of each row, as a dot: what a hard alignment would keep.
function dots(context, ink) {
  const { left, top, cell } = geometry;
  context.fillStyle = ink;
  shown.pieces.forEach((_, i) => {
    const row = shown.source.map((_, j) => weight(i, j));
    const best = row.indexOf(Math.max(...row));
    context.beginPath();
    context.arc(left + cell * (best + 0.5), top + cell * (i + 0.5), 3.5, 0, 2 * Math.PI);
    context.fill();
  });
}

// A model without attention: its decoder begins from one vector, whatever the sentence's length.
function vector() {
  const style = getComputedStyle(root);
  const hue = style.getPropertyValue("--hue");
  const grid = make("div", "vector");
  grid.setAttribute("role", "img");
  grid.setAttribute("aria-label", `The ${shown.vector.length} numbers the decoder knows of the sentence`);
  for (const v of shown.vector) {
    const box = make("i");
    box.title = v.toFixed(3);
    const share = Math.min(1, Math.abs(v)).toFixed(3);
    box.style.background = v < 0 ? `rgba(90, 110, 240, ${share})` : `rgba(${hue}, ${share})`;
    grid.append(box);
  }
  const words = `No attention: ${shown.source.length} pieces were read into these ${shown.vector.length} numbers, and nothing else reaches the decoder.`;
  map.replaceChildren(make("p", "read", words), grid);
}

function sources(i) {
  const found = shown.source.map((piece, j) => [weight(i, j), word(piece)]).sort((a, b) => b[0] - a[0]);
  const parts = found.slice(0, 3).filter(([w]) => w > 0.03);
  return `“${word(shown.pieces[i])}” read ${parts.map(([w, text]) => `${text} ${(100 * w).toFixed(0)} %`).join(", ")}.`;
}

function write() {
  const i = row();
  const text = shown.pieces.filter((p) => p !== "</s>").join("").replaceAll("▁", " ").trim();
  said.textContent = text || (shown.source.length ? "" : props.empty);
  let words = "";
  if (i >= 0 && shown.layers) {
    const at = hover && hover[0] >= 0 && hover[0] < shown.pieces.length ? hover : null;
    words = at
      ? `“${word(shown.pieces[at[0]])}” ← “${word(shown.source[at[1]])}”: ${weight(...at).toFixed(4)}`
      : sources(i);
  }
  read.textContent = words;
  tops.replaceChildren();
  const step = shown.tops[i] || [];
  if (step.length) tops.append(make("em", "", `What could have come ${i ? "after “" + word(shown.pieces[i - 1]) + "”" : "first"}`));
  for (const [piece, p] of step) {
    const line = make("i");
    line.style.width = `${(100 * p).toFixed(1)}%`;
    const name = make("b", piece === shown.pieces[i] ? "chosen" : "", label(piece));
    tops.append(name, line, make("span", "", `${(100 * p).toFixed(1)} %`));
  }
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  const i = Math.floor((event.clientY - box.top - geometry.top) / geometry.cell);
  const j = Math.floor((event.clientX - box.left - geometry.left) / geometry.cell);
  return [i, j];
}

function choose(i) {
  locked = i === locked ? null : i;
  draw();
  const at = row();
  if (at >= 0 && shown.layers) spoken.textContent = sources(at);
}

canvas.addEventListener("pointermove", (event) => {
  const [i, j] = place(event);
  const inside = i >= 0 && i < shown.pieces.length && j >= 0 && j < shown.source.length;
  hover = inside ? [i, j] : null;
  draw();
});
canvas.addEventListener("pointerleave", () => {
  hover = null;
  draw();
});
canvas.addEventListener("click", (event) => {
  const [i] = place(event);
  if (i >= 0 && i < shown.pieces.length) choose(i);
});
canvas.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (event.key === "Escape" && locked !== null) choose(locked);
  if (!step || !shown.pieces.length) return;
  event.preventDefault();
  const next = Math.max(0, Math.min(shown.pieces.length - 1, row() + step));
  if (next !== locked) choose(next);
});
save.addEventListener("click", () => {
  const quote = (text) => `"${text.replaceAll('"', '""')}"`;
  const lines = [["", ...shown.source.map(word)].map(quote).join(",")];
  shown.pieces.forEach((piece, i) => {
    const cells = shown.layers ? shown.source.map((_, j) => weight(i, j).toFixed(5)) : [];
    lines.push([quote(word(piece)), ...cells].join(","));
  });
  lines.push(quote(JSON.stringify(shown.settings)));
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n")], { type: "text/csv" }));
  link.download = "alignment.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});

new ResizeObserver(() => draw()).observe(map);
new MutationObserver(() => draw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", adopt);
adopt();
