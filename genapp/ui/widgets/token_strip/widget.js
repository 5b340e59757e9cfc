// A text as tokens, coloured by how the model saw them. New tokens are appended, nothing drawn
// before is touched. Value: {run, prompt, tokens, status, note, picked, settings}; tokens holds a
// line of JSON each: [id, text, p, rank, entropy, chance, label, other, its p, other, its p, …],
// settings is JSON too: Gradio copies every list and dict of a value many times over.
// props: label, empty, modes, clickable, fixed (height).
const MODES = {
  probability: { say: "probability", low: "likely", high: "unlikely", heat: (t) => 1 - t.p ** 0.4 },
  surprise: { say: "surprise, −log₂ p", low: "0 bits", high: "12 bits", heat: (t) => bits(t) / 12 },
  rank: { say: "rank among all tokens", low: "first", high: "1,000th", heat: (t) => Math.log10(t.rank) / 3 },
  entropy: { say: "entropy, how many ways it could go", low: "sure", high: "6 nats", heat: (t) => t.entropy / 6 },
};
let mode = props.modes[0];
let value = {};
let tokens = []; // as parsed
let spans = []; // on the page, one per token
let read = 0; // characters of value.tokens behind them
let run = null;
let at = -1; // token under the keyboard
let picked = -1; // token whose distribution is shown
let lit = null; // span under the pointer or the keyboard
let marked = null; // the last one the server picked

function bits(t) {
  return -Math.log2(Math.max(t.p, 1e-12));
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const root = make("section", props.fixed ? "strip fixed" : "strip");
root.setAttribute("aria-label", props.label);
const bar = make("div", "bar");
const switcher = make("div", "modes");
switcher.setAttribute("role", "radiogroup");
switcher.setAttribute("aria-label", "Colour tokens by");
const scale = make("span", "scale");
scale.append(make("span", "low"), make("i"), make("span", "high"));
const copy = make("button", "copy", "Copy");
copy.type = "button";
const body = make("div", "body");
body.tabIndex = 0;
body.setAttribute("role", "document");
body.setAttribute("aria-label", `${props.label}. Arrow keys walk through the tokens${props.clickable ? ", Enter shows the distribution there" : ""}.`);
const prompt = make("span", "prompt");
const text = make("div", "text");
let paragraph = text; // the one that grows; the browser lays out only this one anew
const empty = make("p", "empty", props.empty);
const foot = make("div", "foot");
const note = make("p", "note");
const spoken = make("p", "spoken");
spoken.setAttribute("aria-live", "polite");
const card = make("div", "card");
card.hidden = true;
card.setAttribute("aria-hidden", "true"); // the live region says the same
const tools = make("div", "tools");
tools.append(copy, tool(".txt", "Download the text with its settings", asText), tool(".json", "Download text, settings and every token", asJson));
bar.append(switcher, tools);
body.append(text);
foot.append(note, scale);
root.append(bar, empty, body, foot, card, spoken);
element.replaceChildren(root);

const radios = props.modes.map((key) => {
  const button = make("button", "", key);
  button.type = "button";
  button.setAttribute("role", "radio");
  button.addEventListener("click", () => setMode(key));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const n = props.modes.length;
    setMode(props.modes[(props.modes.indexOf(mode) + step + n) % n]);
    radios.find((r) => r.tabIndex === 0).focus();
  });
  switcher.append(button);
  return button;
});

// ---- colour ---------------------------------------------------------------------------------

function tint(span, token) {
  const heat = Math.max(0, Math.min(1, MODES[mode].heat(token) || 0));
  span.style.setProperty("--heat", heat.toFixed(3));
}

function setMode(key) {
  mode = key;
  for (const r of radios) {
    r.setAttribute("aria-checked", r.textContent === mode);
    r.tabIndex = r.textContent === mode ? 0 : -1;
  }
  scale.title = MODES[mode].say;
  scale.firstChild.textContent = MODES[mode].low;
  scale.lastChild.textContent = MODES[mode].high;
  spans.forEach((span, i) => tint(span, tokens[i]));
}

// ---- growing --------------------------------------------------------------------------------

function adopt() {
  value = props.value && typeof props.value === "object" ? props.value : {};
  const lines = value.tokens || "";
  const fresh = value.run !== run || lines.length < read;
  if (fresh) restart();
  for (const line of lines.slice(read).split("\n")) if (line) grow(unpack(line));
  read = lines.length;
  finish();
  if (!fresh && value.status === "writing") requestAnimationFrame(follow);
}

function restart() {
  run = value.run;
  tokens = [];
  spans = [];
  read = 0;
  at = picked = -1;
  marked = null;
  prompt.textContent = value.prompt || "";
  paragraph = make("div");
  paragraph.append(prompt);
  text.replaceChildren(paragraph);
  body.scrollTop = 0;
  hide();
}

function unpack(line) {
  const [id, text, p, rank, entropy, chance, label, ...rest] = JSON.parse(line);
  const others = [];
  for (let i = 0; i < rest.length; i += 2) others.push([rest[i], rest[i + 1]]);
  return { id, text, p, rank, entropy, chance, label, others };
}

// A blank before a word stays outside its colour; a line break begins a new paragraph.
function grow(token) {
  const blank = token.text.trim() ? token.text.match(/^\s*/)[0] : "";
  const span = make("span", token.id < 0 ? "mark" : "t", token.text.slice(blank.length));
  span.dataset.i = tokens.length;
  tint(span, token);
  if (blank) paragraph.append(blank);
  paragraph.append(span);
  tokens.push(token);
  spans.push(span);
  if (token.text.endsWith("\n")) text.append((paragraph = make("div")));
}

// Keeps the newest line in sight unless the reader has scrolled up.
function follow() {
  const below = body.scrollHeight - body.scrollTop - body.clientHeight;
  if (below > 0 && below < 120) body.scrollTop += below;
}

function finish() {
  const blank = !tokens.length && !value.prompt;
  const writing = value.status === "writing";
  empty.hidden = !blank || writing;
  body.hidden = blank && !writing;
  bar.classList.toggle("blank", blank);
  scale.hidden = blank;
  note.textContent = value.note || "";
  body.setAttribute("aria-busy", writing);
  root.dataset.status = value.status || "";
  if (value.status === "done") spoken.textContent = value.note || "";
  if (value.picked !== marked && Number.isInteger(value.picked)) pick(value.picked);
  marked = value.picked;
}

// ---- one token ------------------------------------------------------------------------------

function label(s) {
  return s.replace(/\n/g, "⏎").replace(/ /g, "␣") || "∅";
}

// The same into a node, blanks in the background.
function letter(node, s) {
  const pieces = label(s).split(/(␣+)/).filter(Boolean);
  node.append(...pieces.map((piece) => (piece[0] === "␣" ? make("s", "", piece) : piece)));
  return node;
}

function percent(p) {
  const x = 100 * p;
  return (x >= 10 ? x.toFixed(0) : x >= 0.1 ? x.toFixed(1) : x.toPrecision(1)) + " %";
}

function facts(token) {
  const list = [
    ["p", percent(token.p)],
    ["rank", token.rank.toLocaleString("en")],
    ["surprise", bits(token).toFixed(1) + " bits"],
  ];
  if (token.entropy !== null) list.push(["entropy", token.entropy.toFixed(2) + " nats"]);
  if (token.chance !== null) list.push(["drawn at", percent(token.chance)]);
  return list;
}

function show(i) {
  const span = spans[i];
  const token = tokens[i];
  if (!token || token.id < 0) return hide();
  const list = make("dl");
  for (const [term, number] of facts(token)) list.append(make("dt", "", term), make("dd", "", number));
  card.replaceChildren(letter(make("b"), token.label || token.text), list);
  if (token.others.length) card.append(alternatives(token));
  if (props.clickable) card.append(make("small", "", "click: the whole distribution here"));
  card.hidden = false;
  place(span);
  if (lit) lit.classList.remove("on");
  lit = span;
  lit.classList.add("on");
}

function alternatives(token) {
  const own = token.label || token.text;
  const table = make("ol");
  for (const [word, p] of token.others) {
    const row = make("li", word === own ? "own" : "");
    const track = make("i");
    track.style.setProperty("--p", p);
    row.append(letter(make("span"), word), track, make("span", "", percent(p)));
    table.append(row);
  }
  return table;
}

function place(span) {
  const frame = root.getBoundingClientRect();
  const boxes = span.getClientRects();
  const box = boxes[boxes.length - 1] || span.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left - frame.left - 12, frame.width - card.offsetWidth - 8));
  const below = box.bottom + card.offsetHeight + 14 < window.innerHeight || box.top < card.offsetHeight + 14;
  card.style.left = `${left}px`;
  card.style.top = `${below ? box.bottom - frame.top + 6 : box.top - frame.top - card.offsetHeight - 6}px`;
}

function hide() {
  card.hidden = true;
  if (lit) lit.classList.remove("on");
  lit = null;
}

function pick(i) {
  if (spans[picked]) spans[picked].classList.remove("picked");
  picked = i;
  if (spans[i]) spans[i].classList.add("picked");
}

function choose(i) {
  if (!props.clickable || !tokens[i] || tokens[i].id < 0) return;
  pick(i);
  trigger("select", { index: i, run });
}

function indexOf(target) {
  const span = target.closest && target.closest(".t");
  return span ? Number(span.dataset.i) : -1;
}

text.addEventListener("pointerover", (event) => show(indexOf(event.target)));
text.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
document.addEventListener("pointerdown", (event) => text.contains(event.target) || hide());
text.addEventListener("click", (event) => choose(indexOf(event.target)));
body.addEventListener("blur", hide);
body.addEventListener("scroll", hide, { passive: true });
body.addEventListener("keydown", (event) => {
  const last = tokens.length - 1;
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
  if (event.key === "Escape") return hide();
  if (event.key === "Enter" && at >= 0) return choose(at);
  if (to === undefined || last < 0) return;
  event.preventDefault();
  at = Math.max(0, Math.min(last, to));
  spans[at].scrollIntoView({ block: "nearest" });
  show(at);
  const t = tokens[at];
  if (t.id < 0) return;
  spoken.textContent = `${label(t.label || t.text)}, ${facts(t).map((f) => f.join(" ")).join(", ")}`;
});

// ---- taking it home -------------------------------------------------------------------------

function whole() {
  return prompt.textContent + tokens.map((t) => (t.id < 0 ? "" : t.text)).join("");
}

function settings() {
  return value.settings ? JSON.parse(value.settings) : {};
}

function asText() {
  const lines = Object.entries(settings()).map(([key, v]) => `# ${key}: ${String(v).replace(/\n/g, " ")}`);
  return `${whole()}\n\n${lines.join("\n")}\n`;
}

function asJson() {
  const kept = tokens.filter((t) => t.id >= 0);
  return JSON.stringify({ text: whole(), settings: settings(), note: value.note, tokens: kept }, null, 1);
}

function tool(name, title, content) {
  const button = make("button", "", name);
  button.type = "button";
  button.title = title;
  button.setAttribute("aria-label", title);
  button.addEventListener("click", () => {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([content()], { type: name === ".json" ? "application/json" : "text/plain" }));
    link.download = `text${name}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  return button;
}

copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(whole());
    copy.textContent = "Copied";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(body);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    copy.textContent = "Selected";
  }
  setTimeout(() => (copy.textContent = "Copy"), 1500);
});

watch("value", adopt);
setMode(mode);
adopt();
