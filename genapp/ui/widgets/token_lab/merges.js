// data: {words: [[word, count], …], more, vocabulary, tokens (before the first merge), try: word,
// end: "⟂" or "", steps: [[left, right, count, vocabulary, tokens, [[left, right, count], …]], …]}
const body = make("div");
const bar = make("div", "player", undefined, { role: "group", "aria-label": "Merges" });
const back = button("◀", "One merge back", () => go(step - 1));
const play = button("▶ Play", "Play the merges", () => (timer ? stop() : start()));
const next = button("▶❘", "One merge on", () => go(step + 1));
const slider = make("input", "", undefined, { type: "range", min: 0, max: 0, step: 1, "aria-label": "Merge" });
const said = make("output");
const save = button(".csv", "Download the merges as CSV", csv);
bar.append(back, play, next, slider, said, save);
const pairs = make("div", "pairs", undefined, { role: "list", "aria-label": "The most frequent pairs" });
const words = make("div", "words", undefined, { role: "list", "aria-label": "The corpus so far" });
const log = make("ol", "log", undefined, { "aria-label": "Merges so far", tabindex: 0 });
const chart = make("div", "chart");
const fieldLabel = make("label", "", "Cut a new word ");
const field = make("input", "", undefined, { type: "text", maxlength: 60, "aria-label": "A new word" });
fieldLabel.append(field);
const cut = make("div", "pieces", undefined, { "aria-live": "polite" });
const fresh = make("div", "fresh");
fresh.append(fieldLabel, cut);
const column = (title, ...nodes) => {
  const node = make("div");
  node.append(make("h4", "", title), ...nodes);
  return node;
};
const grid = make("div", "merge-grid");
grid.append(column("Next: the most frequent pair", pairs), column("The corpus, cut", words), column("Learned so far", log));
body.append(heading("Merge player", "Byte-pair encoding learns by joining the most frequent pair of neighbours, again and again."), bar, grid, fresh, chart);

let data = null;
let step = 0;
let timer = null;
let drawn = ""; // the run that is shown

function show(sent) {
  const run = JSON.stringify([sent.words, sent.end, sent.ties]);
  const first = !drawn;
  data = sent;
  stop();
  slider.max = data.steps.length;
  if (first) field.value = kept("word") || data.try;
  else if (run !== drawn && !kept("word")) field.value = data.try;
  const linked = first ? Number(kept("step") ?? NaN) : NaN;
  drawn = run;
  go(Number.isInteger(linked) ? linked : Math.min(data.open, data.steps.length), false);
}

function go(to, remember = true) {
  if (!data) return;
  step = Math.max(0, Math.min(data.steps.length, to));
  slider.value = step;
  const now = step ? data.steps[step - 1] : [0, 0, 0, data.vocabulary, data.tokens];
  said.textContent = `merge ${step} of ${data.steps.length} · ${count(now[3])} tokens known · corpus in ${count(now[4])} tokens`;
  slider.setAttribute("aria-valuetext", said.textContent);
  back.disabled = step === 0;
  next.disabled = step === data.steps.length;
  if (remember) keep("step", step, data.open);
  drawPairs();
  drawWords();
  drawLog();
  drawWord();
  drawChart();
  if (step === data.steps.length) stop();
}

function start() {
  if (!data) return;
  if (step === data.steps.length) go(0);
  play.textContent = "❚❚ Pause";
  play.setAttribute("aria-pressed", "true");
  timer = setInterval(() => go(step + 1), 700);
}

function stop() {
  clearInterval(timer);
  timer = null;
  play.textContent = "▶ Play";
  play.setAttribute("aria-pressed", "false");
}

function drawPairs() {
  const table = step < data.steps.length ? data.steps[step][5] : [];
  const top = table.length ? table[0][2] : 1;
  pairs.replaceChildren(...table.map(([left, right, n], i) => {
    const row = make("div", i ? "pair" : "pair best", undefined, { role: "listitem" });
    const bar = make("i");
    bar.style.width = `${(100 * n) / top}%`;
    const name = make("span", "names");
    name.append(piece(left, 0), "+", piece(right, 1));
    row.append(name, make("span", "track"), make("b", "", n));
    row.children[1].append(bar);
    return row;
  }));
  if (!table.length) pairs.append(make("p", "sub", "The last merge is done: ask for more merges, or every word is one token."));
}

function replay(word) {
  let tokens = [...word];
  for (const [left, right] of data.steps.slice(0, step)) {
    const out = [];
    for (let i = 0; i < tokens.length; i++) {
      if (tokens[i] === left && tokens[i + 1] === right) out.push(left + tokens[++i]);
      else out.push(tokens[i]);
    }
    tokens = out;
  }
  return tokens;
}

function drawWords() {
  const latest = step ? data.steps[step - 1][0] + data.steps[step - 1][1] : null;
  words.replaceChildren(...data.words.map(([word, n]) => {
    const row = make("div", "word", undefined, { role: "listitem" });
    const tokens = replay(word);
    row.append(...tokens.map((t, i) => {
      const node = piece(t, i);
      if (t === latest) node.classList.add("on");
      return node;
    }), make("small", "", `× ${n}`));
    return row;
  }));
  if (data.more) words.append(make("p", "sub", `… and ${count(data.more)} more words`));
}

function drawLog() {
  log.replaceChildren(...data.steps.slice(0, step).map(([left, right, n]) => {
    const item = make("li");
    item.append(`${visible(left)} + ${visible(right)} → `, make("b", "", visible(left + right)), make("small", "", n));
    return item;
  }));
  log.scrollTop = log.scrollHeight;
}

function drawWord() {
  const typed = field.value.trim().split(/\s+/).filter(Boolean);
  const known = new Set(data.alphabet);
  const tokens = typed.flatMap((word) => replay(word + data.end));
  cut.replaceChildren(...tokens.map((t, i) => piece(t, i, [...t].some((c) => !known.has(c)))));
  cut.append(make("small", "", tokens.length ? ` ${tokens.length} token${tokens.length > 1 ? "s" : ""}` : ""));
}

function drawChart() {
  const [W, H] = [600, 96];
  const n = data.steps.length;
  const known = [data.vocabulary, ...data.steps.map((s) => s[3])];
  const left = [data.tokens, ...data.steps.map((s) => s[4])];
  const x = (i) => 4 + (i / Math.max(n, 1)) * (W - 8);
  const line = (values) => {
    const top = Math.max(...values);
    return values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${(H - 4 - (v / top) * (H - 12)).toFixed(1)}`).join("");
  };
  const plot = svg("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": `Vocabulary grows from ${known[0]} to ${known[n]}, the corpus shrinks from ${left[0]} to ${left[n]} tokens` });
  plot.append(
    svg("path", { d: line(left), class: "left" }), svg("path", { d: line(known), class: "known" }),
    svg("line", { x1: x(step), x2: x(step), y1: 0, y2: H, class: "now" }),
  );
  const key = make("p", "sub");
  key.append(make("span", "swatch left"), ` corpus in tokens, ${count(left[0])} → ${count(left[n])}   `, make("span", "swatch known"), ` vocabulary, ${count(known[0])} → ${count(known[n])}`);
  chart.replaceChildren(plot, key);
}

function csv() {
  if (!data) return;
  const lines = data.steps.map(([l, r, n, v, t], i) => [i + 1, l, r, l + r, n, v, t].map(quote).join(","));
  take("merges.csv", "text/csv", ["merge,left,right,token,count,vocabulary,tokens", ...lines].join("\n"));
}

slider.addEventListener("input", () => {
  stop();
  go(Number(slider.value));
});
field.addEventListener("input", () => {
  if (data) drawWord();
  keep("word", field.value || null, data?.try);
});
cardOf(body, show);
