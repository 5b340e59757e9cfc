// A picture cut into patches, and where a chosen patch looks.
// Value: {run, source, data (JSON: image, other, N, extra, layers, words), weights (base64 of
// uint16 [layers][T][T], empty without a model)}. props: label, share.
const SIZES = [8, 16, 32, 64];
const state = {
  p: 32, at: [112, 144], layer: 0, object: 20, // `at`: pixel inside the chosen patch, null = [CLS]
  image: null, other: null, source: "", weights: null, N: 8, T: 0, extra: 1, token: 0,
};
let pixels = null;
let run = null;

const root = make("section", "pv");
root.setAttribute("aria-label", props.label);
const bar = make("div", "bar");
const stage = make("div", "stage");
const cut = sheet("The picture, cut into patches. Arrow keys choose a patch.");
const looks = sheet("Where the chosen patch looks");
const sum = sheet("Weighted sum of patch pixels");
cut.canvas.tabIndex = 0;
const figures = {
  cut: figure("The picture, cut", cut.canvas, ""),
  looks: figure("Where it looks", looks.canvas, ""),
  sum: figure("Sum of pixels", sum.canvas, ""),
};
const cls = make("button", "cls", "[CLS]");
cls.type = "button";
cls.title = "The token from which the class is read";
const scroll = make("div", "scroll");
const strip = make("canvas");
strip.setAttribute("role", "img");
scroll.append(strip);
scroll.tabIndex = 0;
scroll.setAttribute("role", "group");
scroll.setAttribute("aria-label", "All patches in one row");
const tokens = make("div", "tokens");
tokens.append(cls, scroll);
const facts = make("p", "facts");
facts.setAttribute("aria-live", "polite");
const warning = make("p", "warning");
const note = make("p", "note");
const lessons = [contexts(server), apart()];
stage.append(...Object.values(figures).map((f) => f.box));
root.append(bar, stage, tokens, facts, warning, note, ...lessons.map((l) => l.root));
element.replaceChildren(root);

function slider(title, low, high, get, set, says) {
  const label = make("label");
  const input = make("input");
  const out = make("b");
  Object.assign(input, { type: "range", min: low, max: high, step: 1 });
  input.setAttribute("aria-label", title);
  input.addEventListener("input", () => {
    set(Number(input.value));
    remember();
    draw();
  });
  label.append(make("span", "", title), input, out);
  bar.append(label);
  return {
    label,
    show(max = high) {
      input.max = max;
      input.value = get();
      out.textContent = says();
      input.setAttribute("aria-valuetext", out.textContent);
    },
  };
}
const controls = {
  patch: slider("Patch", 0, 3, () => SIZES.indexOf(state.p), (v) => (state.p = SIZES[v]), () => `${state.p} px`),
  layer: slider("Layer", 1, 6, () => state.layer + 1, (v) => (state.layer = v - 1), () => String(state.layer + 1)),
  object: slider("Smallest thing", 4, 96, () => state.object, (v) => (state.object = v), () => `${state.object} px`),
};

// The link keeps patch size, layer, thing and the chosen pixel.
function remember() {
  const words = [state.p, state.layer, state.object, ...(state.at || ["cls"])].join(".");
  window.genapp.url.set(props.share, words, "32.3.20.112.144");
}
function recall() {
  const [p, layer, object, x, y] = (window.genapp.url.get(props.share) || "").split(".");
  const within = (v, low, high) => v !== undefined && v !== "" && Number(v) >= low && Number(v) <= high;
  if (SIZES.includes(Number(p))) state.p = Number(p);
  state.layer = within(layer, 0, 99) ? Math.floor(layer) : 3;
  if (within(object, 4, 96)) state.object = Math.round(object);
  if (x === "cls") state.at = null;
  else if (within(x, 0, IMAGE - 1) && within(y, 0, IMAGE - 1)) state.at = [Number(x), Number(y)];
}

const grid = () => IMAGE / state.p;
const cellOf = (size) => Math.floor(state.at[1] / size) * (IMAGE / size) + Math.floor(state.at[0] / size);

function choose(cell) {
  const G = grid();
  state.at = cell === null ? null : [((cell % G) + 0.5) * state.p, (Math.floor(cell / G) + 0.5) * state.p];
  remember();
  draw();
}

const loaded = (source) =>
  new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = source;
  });

async function adopt() {
  const value = props.value && typeof props.value === "object" ? props.value : {};
  if (!value.data || value.run === run) return;
  run = value.run;
  const given = JSON.parse(value.data);
  const [image, other] = await Promise.all([loaded(given.image), loaded(given.other)]);
  const bytes = Uint8Array.from(atob(value.weights || ""), (c) => c.charCodeAt(0));
  const flat = Float32Array.from(new Uint16Array(bytes.buffer), (w) => w / 65535);
  const T = given.N ** 2 + given.extra;
  const layers = Array.from({ length: given.layers }, (_, l) => flat.subarray(l * T * T, (l + 1) * T * T));
  Object.assign(state, { image, other, source: value.source, N: given.N, T, extra: given.extra, weights: flat.length ? layers : null });
  state.layer = Math.min(state.layer, Math.max(0, given.layers - 1));
  state.token = Math.floor(given.N / 2) * (given.N + 1);
  note.textContent = given.words;
  const paper = make("canvas");
  paper.width = paper.height = IMAGE;
  const ctx = paper.getContext("2d", { willReadFrequently: true });
  ctx.drawImage(image, 0, 0, IMAGE, IMAGE);
  pixels = ctx.getImageData(0, 0, IMAGE, IMAGE).data;
  draw();
}

function draw() {
  if (!state.image) return;
  const { p, N, T, extra, image } = state;
  const G = grid();
  const cell = state.at ? cellOf(p) : -1;
  state.token = state.at ? cellOf(IMAGE / N) : state.token;
  controls.patch.show();
  controls.layer.show(state.weights?.length);
  controls.object.show();
  controls.layer.label.hidden = !state.weights;
  drawCut(G, cell);
  const step = row(strip, image, p, cell);
  strip.setAttribute("aria-label", `${G * G} patches in reading order`);
  if (cell >= 0 && scroll.clientWidth) scroll.scrollLeft = cell * step - scroll.clientWidth / 2;
  cls.setAttribute("aria-pressed", cell < 0);
  for (const name of ["looks", "sum"]) figures[name].box.hidden = !state.weights;
  if (state.weights) drawLooks(G, cell, N, T, extra);
  write(G);
  for (const lesson of lessons) lesson.draw(state);
  root.dataset.drawn = Number(root.dataset.drawn || 0) + 1;
}

function drawCut(G, cell) {
  cut.ctx.drawImage(state.image, 0, 0, IMAGE, IMAGE);
  lines(cut.ctx, state.p);
  if (cell >= 0) outline(cut.ctx, cell, state.p, ACCENT);
  const [x, y] = state.at ? [((cell % G) + 0.5) * state.p, (Math.floor(cell / G) + 0.5) * state.p] : [128, 128];
  cut.ctx.beginPath();
  cut.ctx.arc(x, y, state.object / 2, 0, 7);
  cut.ctx.lineWidth = 2;
  cut.ctx.strokeStyle = "#fff";
  cut.ctx.stroke();
  figures.cut.rest.textContent = `${G} × ${G} patches; the ring is a thing of ${state.object} px`;
}

function drawLooks(G, cell, N, T, extra) {
  const queries = cell < 0 ? [0] : patches.under(cell, G, N).map((k) => k + extra);
  const weights = patches.row(state.weights[state.layer], T, queries);
  const cells = patches.regroup(weights, extra, G, N);
  looks.ctx.drawImage(state.image, 0, 0, IMAGE, IMAGE);
  light(looks.ctx, cells, state.p);
  if (cell >= 0) outline(looks.ctx, cell, state.p, ACCENT);
  const most = cells.indexOf(Math.max(...cells));
  const who = cell < 0 ? "[CLS]" : `Row ${Math.floor(cell / G) + 1}, column ${(cell % G) + 1}`;
  figures.looks.rest.textContent = `${who} → most at row ${Math.floor(most / G) + 1}, column ${(most % G) + 1} (${(100 * cells[most]).toFixed(1)} %); on [CLS] ${(100 * weights[0]).toFixed(1)} %`;
  const total = blend(sum.ctx, pixels, cells, state.p);
  figures.sum.rest.textContent = `illustration only: a head adds up values, not pixels (${(100 * total).toFixed(0)} % of the weight lies on patches)`;
}

function write(G) {
  const { tokens, positions, numbers } = patches.facts(IMAGE, state.p);
  const n = (v) => v.toLocaleString("en");
  facts.textContent = `256 ÷ ${state.p} = ${G}: ${G} × ${G} = ${n(tokens)} patches, in one row of ${n(positions)} with [CLS]. Each patch is ${state.p} × ${state.p} × 3 = ${n(numbers)} numbers.`;
  warning.hidden = state.object >= state.p;
  warning.textContent = `A thing of ${state.object} px is smaller than a ${state.p}-px patch: it becomes a part of one token, mixed with what lies around it, and where it is inside is left to the projection.`;
}

for (const { canvas } of [cut, looks]) {
  canvas.classList.add("pick");
  canvas.addEventListener("click", (event) => state.image && choose(cellAt(canvas, event, state.p)));
}
cut.canvas.addEventListener("keydown", (event) => {
  const next = state.image && moved(event.key, state.at ? cellOf(state.p) : 0, grid());
  if (next === null || !state.image) return;
  event.preventDefault();
  choose(next);
});
strip.addEventListener("click", (event) => {
  const box = strip.getBoundingClientRect();
  choose(Math.min(grid() ** 2 - 1, Math.floor(((event.clientX - box.left) / box.width) * grid() ** 2)));
});
cls.addEventListener("click", () => choose(null));

recall();
watch("value", adopt);
adopt();
