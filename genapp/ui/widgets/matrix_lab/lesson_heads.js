// Several heads (ATT-23): the same width, cut into pieces that look for different things.

// Features set by hand: doer, act, receiver, thing, and two of noise.
const GAVE = {
  words: ["I", "gave", "my", "dog", "Charlie", "some", "food"],
  X: [[3, 0, 0, 0, 1, 0], [0, 3, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1], [0, 0, 2, 1, 1, 0], [0, 0, 3, 0, 0, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 3, 0, 0]],
};
// Head h: every act asks for one role. Two columns each: the match, and nothing.
const ROLES = ["who?", "to whom?", "what?"];
const byHand = () => {
  const Wq = MX.zeros(6, 6);
  const Wk = MX.zeros(6, 6);
  [0, 2, 3].forEach((role, h) => { Wq[1][2 * h] = 1; Wk[role][2 * h] = 1; });
  return { Wq, Wk, Wv: MX.build(6, 6, (i, j) => Number(i === j)), Wo: MX.build(6, 6, (i, j) => Number(i === j)) };
};

function headsData(s) {
  const hand = s.preset === "gave";
  const r = MX.random(s.seed);
  const d = hand ? 6 : s.d;
  const h = hand ? 3 : s.heads;
  const X = hand ? GAVE.X : r.normals(s.T, d);
  const W = hand ? byHand() : { Wq: r.normals(d, d, d ** -0.5 * 1.6), Wk: r.normals(d, d, d ** -0.5 * 1.6), Wv: r.normals(d, d, d ** -0.5), Wo: r.normals(d, d, d ** -0.5) };
  const words = hand ? GAVE.words : X.map((_, i) => `w${i + 1}`);
  if (d % h) return { error: `Width ${d} does not divide into ${h} heads — choose a divisor of ${d}.` };
  const keep = s.off.map((off) => !off);
  const all = MX.multiHead({ X, ...W, heads: h });
  return { words, X, W, d, h, all, result: MX.multiHead({ X, ...W, heads: h, keep }), keep, hand };
}

LESSONS.push({
  id: "heads",
  title: "Heads",
  line: "Cut the width into h pieces: every head asks a question of its own, for the price of one wide attention.",
  task: "in “I gave my dog Charlie some food” the verb needs three answers: who, to whom, what. Click a head to switch it off and see what the output loses.",
  formula: "Concat(head₁ … head_h)·W_O. h maps of d × d/h are one map of d × d and a reshape: the same weights, the same numbers.",
  notes: [
    "Heads are not “boolean masks”, their outputs are not random stand-ins, and W_O is one linear map, not a feed-forward network.",
    "A printed toy has 8 heads and 8 words, which hides a swapped axis. Choose a number of words unlike the number of heads.",
  ],
  defaults: { preset: "gave", T: 5, d: 12, heads: 3, merge: "project", seed: 1, query: 1, off: [false, false, false, false, false, false, false, false] },
  controls: [
    { kind: "radio", name: "preset", label: "Words", choices: [["gave", "I gave my dog …"], ["random", "random"]], apply: (preset) => ({ preset, query: 1 }) },
    { kind: "range", name: "T", label: "words", low: 2, high: 10, show: random },
    { kind: "range", name: "d", label: "d", low: 4, high: 24, step: 4, show: random },
    { kind: "range", name: "heads", label: "heads h", low: 1, high: 8, show: random },
    { kind: "range", name: "seed", label: "seed", low: 0, high: 99, show: random },
    { kind: "radio", name: "merge", label: "Merge", choices: [["project", "concat · W_O"], ["concat", "concat"], ["mean", "mean"]] },
  ],
  build(panel, lab) {
    const row = el("div", "ml-line");
    const error = el("p", "ml-formula");
    const output = new Grid({ name: "output", title: "merged" });
    const change = new Bars("what each word loses");
    const beside = el("div", "ml-beside");
    beside.append(el("b", "", "Change of each word's output"), change.root);
    const line = el("div", "ml-line");
    line.append(output.root, beside);
    const facts = el("p", "ml-facts");
    const shapes = el("div", "ml-table");
    panel.append(error, row, line, facts, el("h4", "", "Shapes, and a toy of 8 heads that keep the full width"), shapes);
    let grids = [];
    return (s) => {
      const d = headsData(s);
      error.hidden = !d.error;
      error.textContent = d.error || "";
      for (const part of [row, line, facts, shapes]) part.hidden = Boolean(d.error);
      if (d.error) return;
      const query = Math.min(s.query, d.words.length - 1);
      if (grids.length !== d.h) {
        grids = d.result.heads.map((_, h) => {
          const grid = new Grid({ name: `head${h}`, title: `head ${h + 1}`, tint: "weight", press: (i) => lab.set({ query: i }) });
          const button = el("button", "ml-button", "on", { type: "button", "data-head": h });
          button.addEventListener("click", () => lab.set({ off: lab.state.off.map((v, i) => (i === h ? !v : v)) }));
          const box = el("div");
          box.append(grid.root, button);
          return { grid, button, box };
        });
        row.replaceChildren(...grids.map((g) => g.box));
      }
      grids.forEach(({ grid, button, box }, h) => {
        grid.about.note = d.hand ? ROLES[h] : "";
        grid.titled = "";
        grid.set(d.result.heads[h].weights, d.words, d.words);
        grid.mark({ rows: [query] });
        const off = s.off[h];
        button.textContent = off ? "zeroed: switch on" : "switch off";
        button.setAttribute("aria-pressed", String(off));
        button.setAttribute("aria-label", `head ${h + 1} is ${off ? "off" : "on"}`);
        box.style.opacity = off ? 0.4 : 1;
      });
      const size = d.d / d.h;
      const mean = (r) => r.concat.map((c) => Array.from({ length: size }, (_, k) => Array.from({ length: d.h }, (_, h) => c[h * size + k]).reduce((a, b) => a + b, 0) / d.h));
      const merged = (r) => (s.merge === "project" ? r.output : s.merge === "concat" ? r.concat : mean(r));
      const [now, whole] = [merged(d.result), merged(d.all)];
      output.set(now, d.words);
      output.mark({ rows: [query] });
      const lost = now.map((r, i) => MX.norm(r.map((v, k) => v - whole[i][k])));
      change.set(d.words.map((name, i) => ({ name, value: lost[i] })), Math.max(1e-9, ...whole.map(MX.norm)));
      const top = d.result.heads.map((head) => head.weights[query]).map((w) => d.words[w.indexOf(Math.max(...w))]);
      facts.textContent = `“${d.words[query]}” looks most at ${top.map((w, h) => `${w} (head ${h + 1})`).join(", ")}. ${d.hand ? "These maps were set by hand, one question per head; a trained model finds its own." : ""} 1 × ${d.d} and ${d.h} × ${size} wide: both ${count(4 * d.d * d.d)} weights with W_O.`;
      const t = el("table");
      const add = (cells, tag = "td") => { const r = el("tr"); r.append(...cells.map((x) => el(tag, "", x))); t.append(r); };
      const T = d.words.length;
      add(["", "queries", "keys", "weights", "concat", "after W_O"], "th");
      add(["here, all words", `[${d.h}, ${T}, ${size}]`, `[${d.h}, ${T}, ${size}]`, `[${d.h}, ${T}, ${T}]`, `[${T}, ${d.d}]`, `[${T}, ${d.d}]`]);
      add(["without narrowing", `[${d.h}, ${T}, ${d.d}]`, `[${d.h}, ${T}, ${d.d}]`, `[${d.h}, ${T}, ${T}]`, `[${T}, ${d.h * d.d}]`, `[${T}, ${d.d}]`]);
      add(["toy: one query, 8 words, d 16", "[8, 16]", "[8, 8, 16]", "[8, 8]", "[128]", "[16]"]);
      shapes.replaceChildren(t);
    };
  },
  data: (s) => { const d = headsData(s); return d.error ? {} : { X: d.X, ...d.W, concat: d.result.concat, output: d.result.output }; },
});
