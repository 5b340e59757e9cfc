// Below the Viewer, for pictures: three answers to what mattered, and queries beside keys.
// Value: the Viewer's own {run, key, maps}. Numbers come from the pass on the server's shelf.
const QUICK = 64; // patches that are covered without being asked
let pass = null; // {live, map, N, extra, image}
let run = null;
let [layer, head] = [0, 0];
let joint = null; // {share, q, k, pairs, places}
let hover = -1; // token, or −1

const root = make("section", "pv ac");
const three = make("section");
const stage = make("div", "stage");
const sheets = ["raw", "rollout", "cover"].map((name) => [name, sheet(name)]);
const names = { raw: "Raw weights", rollout: "Rollout", cover: "Occlusion" };
const found = {}; // name → weights of the patches
const figures = Object.fromEntries(sheets.map(([name, { canvas }]) => [name, figure(names[name], canvas, "")]));
stage.append(...Object.values(figures).map((f) => f.box));
const ask = make("button", "", "Cover each part of the picture");
ask.type = "button";
const trouble = make("p", "warning");
three.append(make("h3", "", "What did the class token use? Three answers"), stage, ask);
const plane = make("section");
const bar = make("div", "bar");
const map = make("canvas");
map.setAttribute("role", "img");
map.tabIndex = 0;
const words = make("p", "note");
words.setAttribute("aria-live", "polite");
plane.append(make("h3", "", "Queries and keys in one plane"), bar, map, words);
root.append(three, plane, trouble);
element.replaceChildren(root);

function choice(title, set) {
  const label = make("label");
  const select = make("select");
  select.setAttribute("aria-label", title);
  select.addEventListener("change", () => {
    set(Number(select.value));
    refresh();
  });
  label.append(make("span", "", title), select);
  bar.append(label);
  return (count, value) => {
    if (select.length !== count) select.replaceChildren(...Array.from({ length: count }, (_, i) => new Option(i + 1, i)));
    select.value = value;
  };
}
const layers = choice("Layer", (v) => (layer = v));
const heads = choice("Head", (v) => (head = v));

const patchesOf = (row) => Array.from(row).slice(pass.extra);

async function call(op, ...numbers) {
  return await pass.live.call(op, [0, ...numbers], numbers.length + 1);
}

// Runs `work` unless another picture has come since; what the server says goes on the page.
async function attempt(work) {
  const mine = run;
  try {
    trouble.hidden = true;
    await work(() => mine === run);
  } catch (error) {
    if (mine !== run) return;
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
}

async function adopt() {
  const value = props.value && typeof props.value === "object" ? props.value : {};
  if (!value.maps || value.run === run) return;
  run = value.run;
  const about = JSON.parse(value.maps)[0];
  const side = about.queries;
  root.hidden = !(about.joint && side.grid);
  if (root.hidden) return;
  const image = new Image();
  image.src = side.image;
  const mine = run;
  await image.decode();
  if (mine !== run) return;
  const extra = side.kinds.filter((kind) => kind !== "patch").length;
  pass = { live: window.genapp.live("attention", value.key), about, N: side.grid[0], extra, image };
  layer = Math.min(layer || about.layers - 1, about.layers - 1);
  head = Math.min(head, about.heads - 1);
  for (const name of Object.keys(names)) delete found[name];
  ask.hidden = pass.N ** 2 <= QUICK;
  refresh();
  attempt(async (still) => {
    const { shape, data } = await call("rollout", about.layers - 1, 0, 0);
    if (still()) show("rollout", patchesOf(data.subarray(0, shape[2])));
  });
  if (ask.hidden) cover();
}

function cover() {
  ask.disabled = true;
  figures.cover.rest.textContent = "covering…";
  attempt(async (still) => {
    const { data } = await call("occlude");
    if (still()) show("cover", patchesOf(data));
  }).finally(() => (ask.disabled = false));
}

function refresh() {
  layers(pass.about.layers, layer);
  heads(pass.about.heads, head);
  attempt(async (still) => {
    const { shape, data } = await call("row", layer, -1, 0);
    if (still()) show("raw", patchesOf(data.subarray((shape[0] - 1) * shape[1])));
  });
  attempt(async (still) => {
    const reply = await call("joint", layer, head);
    if (still()) place(reply.data);
  });
}

const sayings = {
  raw: () => `layer ${layer + 1}, mean of the heads`,
  rollout: () => "all layers multiplied, half of each being the skip connection",
  cover: (w) => `what the answer loses when a part is painted over: up to ${Math.max(...w).toFixed(2)} nats`,
};

function show(name, weights) {
  found[name] = weights;
  for (const [each, { canvas, ctx }] of sheets) {
    ctx.drawImage(pass.image, 0, 0, IMAGE, IMAGE);
    const w = found[each];
    if (w) light(ctx, w.map((v) => Math.max(v, 0)), IMAGE / pass.N);
    else ctx.fillRect(0, 0, IMAGE, IMAGE);
    const like = w && each !== "cover" && found.cover ? `; agrees with occlusion to ρ = ${rankCorrelation(w, found.cover).toFixed(2)}` : "";
    figures[each].rest.textContent = w ? sayings[each](w) + like : each === "cover" && ask.hidden ? "covering…" : "";
    canvas.setAttribute("aria-label", `${names[each]}: ${figures[each].rest.textContent}`);
  }
  root.dataset.shown = Object.keys(found).length;
}

function place(data) {
  const T = pass.N ** 2 + pass.extra;
  const at = (i) => [data[3 * i], data[3 * i + 1]];
  const points = Array.from({ length: 2 * T }, (_, i) => at(i + 1));
  const rest = data.subarray(3 * (2 * T + 1));
  const pairs = Array.from({ length: rest.length / 3 }, (_, i) => [...rest.subarray(3 * i, 3 * i + 3)]);
  joint = { share: data[0], points, pairs, T };
  hover = -1;
  paint();
  root.dataset.joint = `${layer}.${head}`;
}

const nameOf = (token) => {
  if (token < pass.extra) return pass.about.queries.tokens[token];
  const patch = token - pass.extra;
  return `row ${Math.floor(patch / pass.N) + 1}, column ${(patch % pass.N) + 1}`;
};

// A token's picture around (x, y), framed as query or key.
function stamp(ctx, token, x, y, size, colour) {
  const h = size / 2;
  if (token < pass.extra) {
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc(x, y, h * 0.8, 0, 7);
    ctx.fill();
    return;
  }
  const patch = token - pass.extra;
  const p = pass.image.naturalWidth / pass.N;
  ctx.drawImage(pass.image, (patch % pass.N) * p, Math.floor(patch / pass.N) * p, p, p, x - h, y - h, size, size);
  ctx.lineWidth = 2;
  ctx.strokeStyle = colour;
  ctx.strokeRect(x - h, y - h, size, size);
}

function paint() {
  if (!joint || !map.clientWidth) return;
  const [W, H] = [map.clientWidth, Math.min(460, map.clientWidth)];
  const scale = devicePixelRatio || 1;
  map.width = W * scale;
  map.height = H * scale;
  map.style.height = `${H}px`;
  const ctx = map.getContext("2d");
  ctx.scale(scale, scale);
  const { points, pairs, T } = joint;
  const size = Math.max(10, Math.min(22, W / 26));
  const span = (i) => [Math.min(...points.map((p) => p[i])), Math.max(...points.map((p) => p[i]))];
  const [[x0, x1], [y0, y1]] = [span(0), span(1)];
  const unit = Math.min((W - 2 * size) / Math.max(x1 - x0, 1e-9), (H - 2 * size) / Math.max(y1 - y0, 1e-9));
  joint.at = points.map(([x, y]) => [W / 2 + (x - (x0 + x1) / 2) * unit, H / 2 + (y - (y0 + y1) / 2) * unit]);
  const most = Math.max(...pairs.map((p) => p[2]));
  const mine = (q, k) => hover < 0 || hover === q || hover === T + k;
  for (const [q, k, w] of pairs) {
    ctx.globalAlpha = mine(q, k) ? 0.25 + (0.65 * w) / most : 0.06;
    ctx.strokeStyle = getComputedStyle(root).color;
    ctx.lineWidth = 0.5 + (2.5 * w) / most;
    ctx.beginPath();
    ctx.moveTo(...joint.at[q]);
    ctx.lineTo(...joint.at[T + k]);
    ctx.stroke();
  }
  for (let i = 0; i < 2 * T; i++) {
    ctx.globalAlpha = hover < 0 || hover === i ? 1 : 0.55;
    stamp(ctx, i % T, ...joint.at[i], hover === i ? size * 1.7 : size, i < T ? ACCENT : SECOND);
  }
  ctx.globalAlpha = 1;
  write();
}

function write() {
  const { pairs, T, share } = joint;
  const percent = (w) => `${(100 * w).toFixed(1)} %`;
  if (hover < 0) {
    const [q, k, w] = pairs[0];
    words.textContent = `Orange frames are queries, blue ones keys; round is [CLS]. A query and a key that point the same way meet. Lines are the ${pairs.length} strongest pairs, first ${nameOf(q)} → ${nameOf(k)} (${percent(w)}). The plane shows ${percent(share)} of the variance.`;
  } else {
    const list = pairs.filter(([q, k]) => hover === q || hover === T + k).map(([q, k, w]) => `${nameOf(hover < T ? k : q)} ${percent(w)}`);
    const what = hover < T ? `Query of ${nameOf(hover)} → ` : `Key of ${nameOf(hover - T)} ← `;
    words.textContent = what + (list.join(" · ") || "in none of the strongest pairs");
  }
  map.setAttribute("aria-label", `Queries and keys of layer ${layer + 1}, head ${head + 1}. ${words.textContent} Arrow keys go through the tokens.`);
}

map.addEventListener("pointermove", (event) => {
  if (!joint?.at) return;
  const box = map.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const far = joint.at.map(([a, b]) => Math.hypot(a - x, b - y));
  const next = Math.min(...far) < 16 ? far.indexOf(Math.min(...far)) : -1;
  if (next === hover) return;
  hover = next;
  paint();
});
map.addEventListener("pointerleave", () => ((hover = -1), paint()));
map.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") hover = -1;
  else if (!step || !joint) return;
  else hover = (hover + step + 2 * joint.T) % (2 * joint.T);
  event.preventDefault();
  paint();
});
ask.addEventListener("click", cover);
new ResizeObserver(() => paint()).observe(map);
root.hidden = true;
watch("value", adopt);
adopt();
