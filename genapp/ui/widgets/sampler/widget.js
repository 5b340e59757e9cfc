// Sliders, preset chips and the live chart of the next token. Everything is recomputed here from
// one cached vector of logits; the server hears of a setting only when something is written.
// CONFIG: fields, presets, share (key in the URL). props: value (settings), distribution (JSON).
const { Distribution } = window.genapp.sampling;
const ROWS = 20;
const TICKS = [0.01, 0.1, 0.25, 0.5, 1];
const MORE = ["typical_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "no_repeat_ngram"];
const OFF = { top_k: 0, top_p: 1, min_p: 0, typical_p: 1, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0, no_repeat_ngram: 0 };
const CODES = { temperature: "T", top_k: "k", top_p: "p", min_p: "m", typical_p: "y", repetition_penalty: "r", presence_penalty: "a", frequency_penalty: "f", no_repeat_ngram: "n" };
const CUTS = { top_k: "top-k", top_p: "top-p", min_p: "min-p", typical_p: "typical" };
const STOPS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500, 700, 1000];

const { fields, presets: PRESETS, share: SHARE } = CONFIG;
const defaults = Object.fromEntries(fields.map((f) => [f.name, f.value]));
let settings = { ...defaults };
let distribution = null; // {model: Distribution, names: Map, chosen, vocab}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// ---- numbers and words ----------------------------------------------------------------------

function percent(p) {
  if (p === 0) return "–";
  const x = 100 * p;
  if (x < 0.1) return "<0.1\u00a0%";
  return (x < 9.95 ? x.toFixed(1) : x.toFixed(0)) + "\u00a0%";
}

function count(x) {
  return x.toLocaleString("en", { maximumFractionDigits: x < 10 ? 1 : 0 });
}

function shown(field, value) {
  if (field.name === "temperature") return value === 0 ? "0 · greedy" : value.toFixed(2);
  if (value === OFF[field.name]) return "off";
  return String(Number(value.toFixed(3)));
}

// A token as a person reads it in a list: blanks and line breaks made visible.
function label(text) {
  return text.replace(/\n/g, "⏎").replace(/ /g, "␣").replace(/\t/g, "⇥") || "∅";
}

// The same into a node; the blanks, at the head of most tokens, stay in the background.
function letter(node, text) {
  const parts = text.split(/(␣+)/).filter(Boolean);
  node.replaceChildren(...parts.map((part) => (part[0] === "␣" ? make("s", "", part) : part)));
}

// The axis is √p: a tail of 0.1 % can still be seen beside a 50 %.
const along = Math.sqrt;

function name(id) {
  const text = distribution.names.get(id);
  return text === undefined ? "#" + id : label(text);
}

// ---- settings: one object, the URL, the server ----------------------------------------------

function encode(s) {
  return fields
    .filter((f) => s[f.name] !== f.value)
    .map((f) => CODES[f.name] + Number(s[f.name].toFixed(3)))
    .join("_");
}

function decode(text) {
  const found = {};
  for (const part of (text || "").split("_")) {
    const field = fields.find((f) => CODES[f.name] === part[0]);
    const value = Number(part.slice(1));
    if (field && part.length > 1 && value >= field.low && value <= field.high) found[field.name] = value;
  }
  return { ...defaults, ...found };
}

let pending = 0;
function commit() {
  clearTimeout(pending);
  pending = 0;
  props.value = { ...settings };
  if (SHARE) window.genapp.url.set(SHARE, encode(settings) || null);
}

function change(some, now) {
  settings = { ...settings, ...some };
  redraw();
  if (now) commit();
  else if (!pending) pending = setTimeout(commit, 150);
}

// ---- the parts ------------------------------------------------------------------------------

function knob(field) {
  const row = make("label", "knob " + field.name);
  row.title = field.help || "";
  const input = make("input");
  const output = make("output");
  const stops = field.name === "top_k" ? STOPS.filter((k) => k <= field.high) : null;
  input.type = "range";
  input.min = stops ? 0 : field.low;
  input.max = stops ? stops.length - 1 : field.high;
  input.step = stops ? 1 : field.step;
  const read = () => (stops ? stops[input.value] : Number(input.value));
  input.addEventListener("input", () => change({ [field.name]: read() }, false));
  input.addEventListener("change", () => change({ [field.name]: read() }, true));
  row.append(make("span", "", field.label), input, output);
  const set = (value) => {
    const at = stops ? stops.reduce((best, k, i) => (Math.abs(k - value) < Math.abs(stops[best] - value) ? i : best), 0) : value;
    if (Number(input.value) !== at && read() !== value) input.value = at;
    output.textContent = shown(field, value);
    input.setAttribute("aria-valuetext", output.textContent);
    input.style.setProperty("--at", (input.value - input.min) / (input.max - input.min));
    row.classList.toggle("off", value === OFF[field.name]);
  };
  return { row, set };
}

function chips() {
  const bar = make("div", "chips");
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Sampler presets");
  const buttons = Object.entries(PRESETS).map(([title, preset]) => {
    const button = make("button", "chip", title);
    button.type = "button";
    button.addEventListener("click", () => change({ ...defaults, ...preset }, true));
    bar.append(button);
    return { button, code: encode({ ...defaults, ...preset }) };
  });
  const reset = make("button", "reset", "Reset");
  reset.type = "button";
  reset.title = "Back to the first settings";
  reset.addEventListener("click", () => change(defaults, true));
  const set = () => {
    const now = encode(settings);
    for (const b of buttons) b.button.setAttribute("aria-pressed", b.code === now);
    reset.disabled = now === "";
  };
  return { bar, reset, set };
}

function chart() {
  const box = make("div", "chart");
  const axis = make("div", "axis");
  axis.setAttribute("aria-hidden", "true");
  const list = make("ol", "rows");
  list.setAttribute("aria-label", "The most likely next tokens");
  const rows = Array.from({ length: ROWS }, () => {
    const row = make("li");
    const parts = { row, name: make("span", "name"), track: make("span", "track"), value: make("span", "value") };
    for (const kind of ["before", "after", "raw"]) parts.track.append((parts[kind] = make("i", kind)));
    row.append(parts.name, parts.track, parts.value);
    list.append(row);
    return parts;
  });
  const over = make("div", "over");
  over.setAttribute("aria-hidden", "true");
  over.innerHTML = `<svg viewBox="0 0 1 ${ROWS}" preserveAspectRatio="none"><path class="sum" vector-effect="non-scaling-stroke"/></svg>`;
  for (const p of TICKS) {
    const text = axis.appendChild(make("span", "", `${100 * p} %`));
    over.appendChild(make("i")).style.left = text.style.left = `${100 * along(p)}%`;
  }
  const lines = Array.from({ length: 5 }, () => over.appendChild(make("b")));
  box.append(axis, list, over);
  return { box, rows, path: over.querySelector("path"), lines };
}

const root = make("section", "sampler");
root.setAttribute("aria-label", "Sampler: how the next token is picked");
const head = make("header");
const where = make("p", "where", "What could come next appears with the first text.");
const presets = chips();
head.append(where, presets.reset);
const knobs = fields.map((f) => ({ name: f.name, ...knob(f) }));
const main = make("div", "knobs");
const more = make("details", "more");
more.append(make("summary", "", "More filters and penalties"));
for (const k of knobs) (MORE.includes(k.name) ? more : main).append(k.row);
const heat = make("p", "heat");
heat.append(make("span", "", "cold → rigid"), make("span", "", "p ∝ e^(z/T)"), make("span", "", "hot → uniform"));
const temperature = knobs.find((k) => k.name === "temperature");
if (temperature) temperature.row.after(heat);
const stats = make("p", "stats");
const bars = chart();
const legend = make("p", "legend");
legend.innerHTML = '<span><i class="raw"></i>raw</span><span><i class="before"></i>after penalties and T, cut</span><span><i class="after"></i>drawn from</span><span><i class="sum"></i>sum so far</span>';
const spoken = make("p", "spoken");
spoken.setAttribute("aria-live", "polite");
root.append(head, presets.bar, main, stats, bars.box, legend, more, spoken);
element.replaceChildren(root);

// ---- drawing --------------------------------------------------------------------------------

let asked = false;
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw();
  });
}

function draw() {
  for (const k of knobs) k.set(settings[k.name]);
  presets.set();
  if (!distribution) return;
  const result = distribution.model.apply(settings);
  drawRows(result);
  drawLines(result);
  drawStats(result);
  speak(result);
  root.dataset.drawn = String(Number(root.dataset.drawn || 0) + 1);
}

function drawRows(result) {
  const raw = distribution.model.raw;
  let sum = 0;
  let path = "";
  bars.rows.forEach((parts, r) => {
    const id = result.order[r];
    parts.row.hidden = id === undefined;
    if (id === undefined) return;
    if (parts.shown !== `${distribution.key} ${id}`) letter(parts.name, name(id));
    parts.shown = `${distribution.key} ${id}`;
    parts.value.textContent = percent(result.after[r]);
    parts.raw.style.transform = `scaleX(${along(raw[id])})`;
    parts.before.style.transform = `scaleX(${along(result.before[r])})`;
    parts.after.style.transform = `scaleX(${along(result.after[r])})`;
    parts.row.classList.toggle("cut", result.after[r] === 0);
    parts.row.classList.toggle("chosen", id === distribution.chosen);
    sum += result.before[r];
    path += `${path ? "L" : "M"}${along(Math.min(1, sum)).toFixed(4)} ${r + 0.5}`;
  });
  bars.path.setAttribute("d", path);
}

// Where each filter cuts; filters that cut at the same place share a line.
function drawLines(result) {
  const at = new Map();
  const mark = (rank, text) => at.set(rank, at.has(rank) ? `${at.get(rank)} · ${text}` : text);
  for (const [key, word] of Object.entries(CUTS)) {
    const cut = result.cuts[key];
    if (cut === null) continue;
    if (key !== "typical_p") mark(Math.min(cut, ROWS), `${word} ${Number(settings[key].toFixed(3))}`);
    else for (const rank of cut[0] > 0 ? cut : [cut[1]]) mark(Math.min(rank, ROWS), word);
  }
  const marks = [...at];
  bars.lines.forEach((line, i) => {
    line.hidden = i >= marks.length;
    if (line.hidden) return;
    const beyond = marks[i][0] === ROWS;
    line.style.top = `${(100 * marks[i][0]) / ROWS}%`;
    line.className = beyond ? "beyond" : "";
    line.textContent = marks[i][1] + (beyond ? " ↓" : "");
  });
}

function drawStats(result) {
  const kept = result.to - result.from;
  const items = [
    [result.entropy.toFixed(2) + " nats", "entropy", `raw ${distribution.model.entropy.toFixed(2)}, at most ${Math.log(distribution.vocab).toFixed(2)}`],
    [count(result.effective), "effective vocabulary", "e^entropy: as many equally likely words"],
    [count(kept), `of ${count(distribution.vocab)} kept`, "tokens that can still be drawn"],
  ];
  stats.replaceChildren(
    ...items.map(([value, text, help]) => {
      const item = make("span");
      item.title = help;
      item.append(make("b", "", value), " " + text);
      return item;
    }),
  );
}

let speaking = 0;
function speak(result) {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const raw = distribution.model.raw;
    bars.rows.forEach((parts, r) => {
      const id = result.order[r];
      if (id === undefined) return;
      parts.row.setAttribute("aria-label", `${name(id)}: ${percent(result.after[r])} drawn, raw ${percent(raw[id])}`);
    });
    const top = Array.from(result.order.slice(0, 3), (id, r) => `${name(id)} ${percent(result.after[r])}`);
    spoken.textContent = `Most likely: ${top.join(", ")}. Entropy ${result.entropy.toFixed(2)} nats.`;
  }, 400);
}

// ---- what the server sends ------------------------------------------------------------------

function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function receive() {
  if (!props.distribution) return;
  const sent = JSON.parse(props.distribution);
  if (distribution && distribution.key === sent.key) return;
  const logits = floats(sent.logits);
  distribution = {
    key: sent.key,
    model: new Distribution(logits, sent.context),
    names: new Map(sent.ids.map((id, i) => [id, sent.texts[i]])),
    chosen: sent.chosen,
    vocab: logits.length,
  };
  describe(sent);
  draw();
}

function describe(sent) {
  const before = sent.before ? `After “…${sent.before.replace(/\s+/g, " ")}”` : "At the very start";
  const chosen = sent.chosen !== null && sent.chosen !== undefined;
  where.replaceChildren(before + (chosen ? ", it took " : ", what may come next"));
  if (!chosen) return;
  const rank = distribution.model.order.indexOf(sent.chosen) + 1;
  const odds = percent(distribution.model.raw[sent.chosen]);
  where.append(make("b", "", name(sent.chosen).replace(/^␣/, "")), `: no. ${count(rank)} of its choices, ${odds}`);
}

function adopt() {
  if (!props.value || typeof props.value !== "object") return;
  settings = { ...defaults, ...props.value };
  redraw();
}

watch("distribution", receive);
watch("value", adopt);
adopt();
const linked = SHARE && window.genapp.url && window.genapp.url.get(SHARE);
if (linked) settings = decode(linked);
if (encode(settings) !== encode({ ...defaults, ...props.value })) commit();
draw();
receive();
