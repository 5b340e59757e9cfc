// Self and cross, soft and hard, global and local (ATT-19).

const OTHER = {
  words: ["der", "Roboter", "gehorcht"],
  X: [[0, 1, 1, 0], [1, 0, 2, -1], [2, -1, 0, 1]],
};
const REWARD = [1, -0.5, 2, 0.3];

function kindsData(s, lab) {
  const X = lab.edited("X", FOUR.X);
  const B = s.cross ? lab.edited("B", OTHER.X) : null;
  const memory = s.cross ? OTHER.words : FOUR.words;
  const S = memory.length;
  const open = (i, j) => (!s.local || Math.abs(i - j) <= s.window) && (!s.oneWay || s.cross || j <= i);
  const mask = s.local || (s.oneWay && !s.cross) ? MX.build(4, S, open) : null;
  const result = MX.attend({ X, memory: B || X, Wq: FOUR.Wq, Wk: FOUR.Wk, Wv: FOUR.Wv, mask });
  const soft = result.weights[s.query];
  const r = MX.random(s.seed);
  if (s.hard) {
    result.weights = result.weights.map((row) => {
      const got = Array(S).fill(0);
      for (let n = 0; n < s.samples; n++) got[r.pick(row)] += 1 / s.samples;
      return got;
    });
    result.output = MX.matmul(result.weights, result.V);
  }
  return { words: FOUR.words, memory, X, B, Wq: FOUR.Wq, Wk: FOUR.Wk, Wv: FOUR.Wv, result, mask, query: s.query, divisor: 2, divisorName: "√4", soft };
}

// The exact gradient of the expected reward, and what `samples` glimpses estimate.
function gradients(a, s) {
  const reward = REWARD.slice(0, a.length);
  const exact = MX.softGradient(a, reward);
  const r = MX.random(s.seed + 1000);
  const mean = Array(a.length).fill(0);
  for (let n = 0; n < s.samples; n++) {
    const k = r.pick(a);
    a.forEach((v, i) => { mean[i] += (reward[k] * ((i === k) - v)) / s.samples; });
  }
  return { exact, mean, variance: MX.reinforceVariance(a, reward) / s.samples, reward };
}

LESSONS.push({
  id: "kinds",
  title: "Kinds",
  line: "One mechanism, three switches: whose keys are read, whether weights mix or choose, and how far a word may look.",
  task: "switch to cross: four queries read three keys, the map is 4 × 3. Then hard with 1 glimpse, and raise the glimpses: hard turns into soft.",
  formula: "Cross-attention: Q from one set, K and V both from the other. Hard: one sampled value; the choice has no derivative, so its gradient is estimated (REINFORCE) or passed through as if it were soft (straight-through).",
  notes: ["One source takes queries and keys from one sequence and values from another. Keys and values belong together: a weight is about the thing it fetches."],
  defaults: { cross: false, hard: false, local: false, oneWay: false, window: 1, samples: 1, seed: 1, query: 2, edits: {} },
  controls: [
    { kind: "check", name: "cross", label: "cross (else self)", apply: fresh("cross") },
    { kind: "check", name: "hard", label: "hard (else soft)" },
    { kind: "range", name: "samples", label: "glimpses", values: [1, 2, 4, 8, 16, 64, 256, 1024, 4096] },
    { kind: "check", name: "local", label: "local (else global)" },
    { kind: "range", name: "window", label: "window ±", low: 0, high: 3, show: (s) => s.local },
    { kind: "check", name: "oneWay", label: "one way, as a decoder", show: (s) => !s.cross },
    { kind: "range", name: "seed", label: "seed", low: 0, high: 99 },
    { kind: "button", label: "Play: who has read whom", action: "play", press: (lab) => lab.lesson.play(lab) },
  ],
  play(lab) {
    let i = 0;
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      if (i >= 4 || lab.lesson !== this) { clearInterval(this.timer); return; }
      lab.set({ query: i++ }, false);
    }, 700);
  },
  close() { clearInterval(this.timer); },
  build(panel, lab) {
    const chain = new Chain([
      { title: "Two sets of words", parts: ["X", "B"] },
      { title: "Queries from the first; keys and values from the same one, or both from the other", parts: ["Q", "K", "V"] },
      { title: "Who looks at whom", parts: ["masked", "→", "weights", "→", "output"] },
    ], { edit: (...a) => lab.edit(...a), editable: ["X", "B"], pick: (i) => lab.set({ query: i }) });
    const table = el("div", "ml-table");
    const words = el("p", "ml-facts");
    panel.append(chain.root, el("h4", "", "Learning where to look: the gradient for the chosen word's scores"), table, words);
    return (s) => {
      const d = kindsData(s, lab);
      chain.set(d);
      const g = gradients(d.soft, s);
      const t = el("table");
      const line = (cells, tag = "td") => { const r = el("tr"); r.append(...cells.map((c) => el(tag, "", c))); return r; };
      t.append(
        line(["", ...d.memory], "th"),
        line(["reward of each value", ...g.reward.map((v) => fmt(v))]),
        line(["soft: exact gradient (also straight-through)", ...g.exact.map((v) => fmt(v, 3))]),
        line([`hard: estimate from ${count(s.samples)} ${s.samples === 1 ? "glimpse" : "glimpses"}`, ...g.mean.map((v) => fmt(v, 3))]),
      );
      table.replaceChildren(t);
      const off = Math.max(...d.soft.map((v, i) => Math.abs(v - d.result.weights[s.query][i])));
      words.textContent = `Variance of the estimate ${fmt(g.variance, 4)}, of the exact gradient 0.${s.hard ? ` Largest gap between hard and soft weights of “${d.words[s.query]}”: ${fmt(off, 3)}.` : ""}`;
    };
  },
  data: (s, lab) => { const d = kindsData(s, lab); return { X: d.X, ...(d.B ? { B: d.B } : {}), ...d.result }; },
});
