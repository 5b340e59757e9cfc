// Scores into shares (ATT-14), and self-attention without a single parameter (ATT-15).

const ROWS = {
  cat: { words: ["Я", "видел", "мохнатого", "котю", "на", "лежанке", "."], scores: [0, 0, 0.6, 1, 0, 0, 0] },
  seven: { words: ["first", "second", "third"], scores: [7, 2, 1] },
  steps: { words: ["a", "b", "c"], scores: [1, 2, 3] },
};
// features: animal, furry, furniture; values are colours
const DICTIONARY = {
  words: ["cat", "rug", "chair", "dog"],
  keys: [[3, 2, 0], [0, 3, 1], [0, 0, 3], [3, 1, 0]],
  values: [[230, 120, 60], [90, 160, 220], [120, 90, 60], [70, 180, 110]],
};

function weightsData(s, lab) {
  const row = ROWS[s.row];
  const scores = lab.edited("scores", [row.scores]);
  const softmax = MX.softmax(scores[0], s.temperature);
  const keys = lab.edited("keys", DICTIONARY.keys);
  const values = lab.edited("values", DICTIONARY.values);
  const query = lab.edited("query", [[2, 2, 0]]);
  const found = MX.attention({ Q: query, K: keys, V: values, temperature: s.temperature });
  return { row, scores, softmax, shares: MX.normalise(scores[0]), keys, values, query, found };
}

LESSONS.push({
  id: "weights",
  title: "Weights",
  line: "Scores become weights: positive, summing to 1. With weights, a dictionary look-up turns soft.",
  task: "draw the temperature down to 0.1: the average becomes a look-up. Edit a score; edit the query of the dictionary.",
  formula: "a_i = e^(s_i/T) / Σ_j e^(s_j/T). T → 0 keeps only the best match, T → ∞ makes all alike.",
  notes: [
    "Softmax of 7, 2, 1 is 0.991, 0.007, 0.002. The 0.7, 0.2, 0.1 printed for it in one source is division by the sum.",
    "In the sentence above a source shows the scores 0.6 and 1 as if they were weights; they sum to 1.6, the weights are 0.191 and 0.285.",
  ],
  defaults: { row: "cat", temperature: 1, edits: {} },
  controls: [
    { kind: "radio", name: "row", label: "Scores", choices: [["cat", "query “cat”"], ["seven", "7, 2, 1"], ["steps", "1, 2, 3"]], apply: fresh("row") },
    { kind: "range", name: "temperature", label: "temperature", values: [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10] },
  ],
  build(panel, lab) {
    const edit = (name) => (i, j, v, done) => lab.edit(name, i, j, v, done);
    const scores = new Grid({ name: "scores", title: "scores", edit: edit("scores") });
    const softmax = new Bars("softmax");
    const shares = new Bars("divided by the sum");
    const top = el("div", "ml-row");
    const [left, right] = [el("div", "ml-box"), el("div", "ml-box")];
    left.append(el("h4", "", "Softmax"), softmax.root);
    right.append(el("h4", "", "Divided by the sum (not a softmax)"), shares.root);
    top.append(left, right);

    const query = new Grid({ name: "query", title: "query", edit: edit("query") });
    const keys = new Grid({ name: "keys", title: "keys", edit: edit("keys") });
    const values = new Grid({ name: "values", title: "values (red, green, blue)", edit: edit("values"), tint: "weight", top: 400 });
    const matches = new Grid({ name: "matches", title: "query · key" });
    const weights = new Grid({ name: "weights", title: "weights", tint: "weight" });
    const result = new Grid({ name: "result", title: "Σ weight · value", tint: "weight", top: 400, digits: 0 });
    const line = el("div", "ml-line");
    const swatch = el("div", "ml-beside");
    const colours = el("div");
    const words = el("p", "ml-facts");
    swatch.append(colours, words);
    line.append(query.root, keys.root, matches.root, weights.root, values.root, result.root, swatch);
    panel.append(scores.root, top, el("h4", "", "A soft dictionary: any query is answered, by a mixture"), line, el("p", "ml-hint", EDIT_HINT));
    return (s) => {
      const d = weightsData(s, lab);
      scores.set(d.scores, null, d.row.words);
      softmax.set(d.row.words.map((name, i) => ({ name, value: d.softmax[i] })));
      shares.set(d.row.words.map((name, i) => ({ name, value: d.shares[i] })));
      const features = ["animal", "furry", "seat"];
      query.set(d.query, ["?"], features);
      keys.set(d.keys, DICTIONARY.words, features);
      values.set(d.values, null, ["r", "g", "b"]);
      matches.set(MX.transpose(d.found.scores), DICTIONARY.words);
      weights.set(MX.transpose(d.found.weights), DICTIONARY.words);
      result.set(d.found.output, ["="], ["r", "g", "b"]);
      const rgb = (v) => `rgb(${v.map((x) => Math.max(0, Math.min(255, Math.round(x)))).join(" ")})`;
      colours.replaceChildren(...[...d.values, d.found.output[0]].flatMap((v, i, all) => {
        const box = el("span", "ml-swatch", undefined, { role: "img", "aria-label": i === all.length - 1 ? "the answer's colour" : `${DICTIONARY.words[i]}'s colour` });
        box.style.background = rgb(v);
        box.style.opacity = i === all.length - 1 ? 1 : 0.25 + 0.75 * d.found.weights[0][i];
        return i === all.length - 1 ? [el("span", "ml-op", " → "), box] : [box, " "];
      }));
      const best = d.found.weights[0].indexOf(Math.max(...d.found.weights[0]));
      words.textContent = d.found.weights[0][best] > 0.99 ? `A hard look-up: the answer is “${DICTIONARY.words[best]}”.` : `A soft average: ${fmt(100 * d.found.weights[0][best], 0)} % of it is “${DICTIONARY.words[best]}”.`;
    };
  },
  data: (s, lab) => { const d = weightsData(s, lab); return { scores: d.scores, softmax: [d.softmax], keys: d.keys, values: d.values, query: d.query, weights: d.found.weights, result: d.found.output }; },
});

// ---- ATT-15 ------------------------------------------------------------------------------------

const PLAIN = "can you help me to translate this sentence";

function exampleData(s, lab) {
  const words = s.sentence.split(/\s+/).filter(Boolean).slice(0, 12);
  const unique = [...new Set(words)].sort();
  const ids = words.map((w) => unique.indexOf(w));
  const torch = s.sentence === PLAIN && s.seed === 123 && s.d === 16;
  let X;
  if (torch) X = lab.examples.X;
  else {
    const table = MX.random(s.seed).normals(unique.length, s.d);
    X = ids.map((id) => table[id]);
  }
  X = lab.edited("X", X);
  const omega = MX.gram(X);
  const a = omega.map((row) => MX.softmax(row));
  return { words, ids, X, omega, a, Z: MX.matmul(a, X), torch };
}

LESSONS.push({
  id: "example",
  title: "No parameters",
  line: "The simplest self-attention has nothing to learn: every word is compared with every word, and averaged.",
  task: "click a row of weights and add up its words one by one. Nearly every word keeps only itself: that is why scores are scaled and words are projected first.",
  formula: "ω = X·Xᵀ, a = softmax(ω) by rows, Z = a·X. A word's product with itself is its squared length, about d.",
  notes: ["With the first sentence, seed 123 and d = 16 the numbers are torch’s own; other sentences, seeds and widths are drawn in the browser."],
  defaults: { sentence: PLAIN, seed: 123, d: 16, row: 3, terms: 8, edits: {} },
  controls: [
    { kind: "text", name: "sentence", label: "Sentence", apply: (v) => ({ sentence: v || PLAIN, edits: {}, row: 0, terms: 12 }) },
    { kind: "range", name: "d", label: "d", low: 1, high: 24, apply: fresh("d") },
    { kind: "range", name: "seed", label: "seed", low: 0, high: 200, apply: fresh("seed") },
  ],
  build(panel, lab) {
    const pick = (i) => lab.set({ row: i, terms: 12 });
    const X = new Grid({ name: "X", title: "X, one row per word", edit: (i, j, v, done) => lab.edit("X", i, j, v, done) });
    const omega = new Grid({ name: "omega", title: "ω = X·Xᵀ", digits: 1, press: pick });
    const a = new Grid({ name: "a", title: "a = softmax(ω)", tint: "weight", press: pick });
    const Z = new Grid({ name: "Z", title: "Z = a·X", press: pick });
    const line = el("div", "ml-line");
    line.append(omega.root, el("span", "ml-op", "→"), a.root);
    const build = el("div", "ml-box");
    const slider = KNOBS.range({ name: "terms", label: "words added", low: 1, high: 12 }, (v, done) => lab.set({ terms: v }, done));
    const sum = new Grid({ name: "sum", title: "the sum so far" });
    const words = el("p", "ml-formula");
    build.append(slider.node, sum.root, words);
    const timer = el("div", "ml-row");
    const button = el("button", "ml-button", "Time loop against matrix product", { type: "button", "data-action": "time" });
    const told = el("p", "ml-facts", "Measured on the server, in Python: pair by pair, and at once.");
    button.addEventListener("click", async () => {
      button.disabled = true;
      const d = exampleData(lab.state, lab);
      const reply = await lab.server.loop_and_matmul({ T: d.words.length, d: d.X[0].length });
      told.textContent = reply.error || `${d.words.length} words: pair by pair ${fmt(1000 * reply.times.loop, 0)} µs, one product ${fmt(1000 * reply.times.matmul, 1)} µs — ${fmt(reply.times.loop / reply.times.matmul, 0)} times faster, the same numbers.`;
      button.disabled = false;
    });
    timer.append(button, told);
    const ids = el("p", "ml-facts");
    panel.append(ids, X.root, line, Z.root, el("h4", "", "One row, word by word"), build, timer);
    return (s) => {
      const d = exampleData(s, lab);
      const row = Math.min(s.row, d.words.length - 1);
      const terms = Math.min(s.terms, d.words.length);
      ids.textContent = `token ids ${d.ids.join(", ")} (each word’s place in the alphabet)${d.torch ? " · embeddings drawn by torch, seed 123" : ""} · the diagonal holds ${d.a.map((r, i) => fmt(r[i], 4)).join(", ")}`;
      X.set(d.X, d.words);
      omega.set(d.omega, d.words, d.words);
      a.set(d.a, d.words, d.words);
      Z.set(d.Z, d.words);
      for (const g of [omega, a, Z]) g.mark({ rows: [row] });
      slider.node.querySelector("input").max = d.words.length;
      slider.set(terms);
      const partial = d.X[0].map((_, k) => d.a[row].slice(0, terms).reduce((t, w, j) => t + w * d.X[j][k], 0));
      sum.set([partial], [d.words[row]], null, { top: Math.max(...d.Z[row].map(Math.abs)) });
      words.textContent = `z(${d.words[row]}) = ${d.words.slice(0, terms).map((w, j) => `${fmt(d.a[row][j], 4)}·${w}`).join(" + ")}${terms < d.words.length ? " + …" : ""}`;
    };
  },
  data: (s, lab) => { const d = exampleData(s, lab); return { X: d.X, omega: d.omega, a: d.a, Z: d.Z }; },
});
