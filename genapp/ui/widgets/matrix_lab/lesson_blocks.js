// A block step by step, and where a transformer's parameters sit (ATT-26).

const SIZES = { encoder: 6, decoder: 0, d: 512, heads: 8, ffn: 2048, vocab: 0, positions: 0, segments: 0, embedding_norm: false, final_norm: false, pooler: false, attention_bias: true, output_projection: true, tied: true };
const gpt2 = (encoder, d, heads) => ({ ...SIZES, encoder, d, heads, ffn: 4 * d, vocab: 50257, positions: 1024, final_norm: true });
const base = { ...SIZES, d: 768, heads: 12, ffn: 3072, positions: 512 };
const KNOWN = {
  "one layer": { ...SIZES, encoder: 1 },
  "Transformer base": { ...SIZES, decoder: 6 },
  "BERT base": { ...base, encoder: 12, vocab: 30522, segments: 2, embedding_norm: true, pooler: true },
  DistilBERT: { ...base, vocab: 30522, embedding_norm: true },
  "GPT-1": { ...base, encoder: 12, vocab: 40478 },
  "GPT-2": gpt2(12, 768, 12),
  "GPT-2 medium": gpt2(24, 1024, 16),
  "GPT-2 large": gpt2(36, 1280, 20),
  "GPT-2 XL": gpt2(48, 1600, 25),
  "BART base": { ...base, decoder: 6, vocab: 50265, positions: 1026, embedding_norm: true },
};
const PARTS_OF = ["tokens", "positions", "attention", "cross", "feed-forward", "norms", "output"];
const PRINTED_TOTALS = { "BERT base": 109482240, DistilBERT: 66362880, "GPT-1": 116534784, "GPT-2": 124439808, "GPT-2 medium": 354823168, "GPT-2 large": 774030080, "GPT-2 XL": 1557611200, "BART base": 139420416, "one layer": 3152384 };

// Six encoder steps with d = 8, two heads, feed-forward 16; the decoder adds mask and cross-attention.
const STEP_NAMES = {
  encoder: ["x + p", "heads", "concat · W_O", "add & norm", "feed-forward", "add & norm "],
  decoder: ["x + p", "masked attention", "add & norm", "cross-attention", "add & norm ", "feed-forward", "add & norm  "],
};
const IN_512 = {
  "x + p": "[T, 512] + [T, 512]", heads: "8 × [T, 64]", "concat · W_O": "[T, 512] · [512, 512]", "add & norm": "[T, 512]", "feed-forward": "W₁ 2048 × 512, ReLU, W₂ 512 × 2048",
  "masked attention": "8 × [T, 64], future shut", "cross-attention": "queries from here, K and V from the encoder",
};

function walk(s) {
  const words = s.sentence.split(/\s+/).filter(Boolean).slice(0, 8);
  const d = 8;
  const embed = (text, seed) => text.map((w) => MX.random([...w].reduce((h, c) => (h * 31 + c.codePointAt(0)) >>> 0, seed)).normals(1, d)[0]);
  const r = MX.random(s.seed);
  const maps = () => ({ Wq: r.normals(d, d, 0.4), Wk: r.normals(d, d, 0.4), Wv: r.normals(d, d, 0.4), Wo: r.normals(d, d, 0.4) });
  const [self, cross] = [maps(), maps()];
  const [W1, W2] = [r.normals(d, 16, 0.4), r.normals(16, d, 0.3)];
  const add = (A, B) => MX.map(A, (v, i, j) => v + B[i][j]);
  const norm = (A) => A.map((row) => MX.layerNorm(row));
  const ffn = (A) => MX.matmul(MX.map(MX.matmul(A, W1), (v) => Math.max(0, v)), W2);
  const P = MX.sinusoidal(words.length, d);
  const x = add(embed(words, 1), P);
  const mask = s.side === "decoder" ? MX.causalMask(words.length) : null;
  const on = (A) => (s.pre ? norm(A) : A);
  const after = (A) => (s.pre ? A : norm(A));
  const attended = MX.multiHead({ X: on(x), ...self, heads: 2, mask });
  let y = after(add(x, attended.output));
  const weights = attended.heads.map((h) => h.weights);
  const steps = s.side === "encoder" ? [["x + p", x], ["heads", attended.concat], ["concat · W_O", attended.output], ["add & norm", y]] : [["x + p", x], ["masked attention", attended.output], ["add & norm", y]];
  if (s.side === "decoder") {
    const memory = embed(["der", "Roboter", "gehorcht"], 2);
    const c = MX.attend({ X: on(y), memory, ...cross });
    const crossed = MX.matmul(c.output, cross.Wo);
    steps.push(["cross-attention", crossed]);
    y = after(add(y, crossed));
    steps.push(["add & norm ", y]);
  }
  const f = ffn(on(y));
  steps.push(["feed-forward", f]);
  y = after(add(y, f));
  steps.push([s.side === "encoder" ? "add & norm " : "add & norm  ", y]);
  return { words, steps, weights };
}

LESSONS.push({
  id: "blocks",
  title: "Blocks",
  line: "A transformer is one block, stacked: attention, add and norm, feed-forward, add and norm.",
  task: "type a sentence and click through the steps. Then build a model below: BERT, GPT-2 and BART come out to the last weight.",
  formula: "Attention has 4(d² + d) weights whatever the number of heads, the feed-forward part 2·d·ffn + ffn + d: two thirds of a layer.",
  notes: ["A lecture's encoder layer has no W_O (2,888,192 weights; 3,150,336 with it, 3,152,384 with biases as in torch), and its decoder has no residuals."],
  defaults: { sentence: "the robot must obey", side: "encoder", pre: false, step: 0, seed: 1, model: "BERT base", ...KNOWN["BERT base"] },
  controls: [
    { kind: "text", name: "sentence", label: "Sentence", apply: (v) => ({ sentence: v || "the robot must obey" }) },
    { kind: "radio", name: "side", label: "Block", choices: [["encoder", "encoder"], ["decoder", "decoder"]], apply: (side) => ({ side, step: 0 }) },
    { kind: "check", name: "pre", label: "norm first (pre-LN)" },
    { kind: "range", name: "seed", label: "seed", low: 0, high: 99 },
  ],
  build(panel, lab) {
    const diagram = el("div", "ml-radio", undefined, { role: "group", "aria-label": "Steps of the block" });
    const grid = new Grid({ name: "tensor", title: "x" });
    const shape = el("p", "ml-facts");
    const maps = el("div", "ml-line");
    const heads = [0, 1].map((h) => { const g = new Grid({ name: `w${h}`, title: `weights, head ${h + 1}`, tint: "weight" }); maps.append(g.root); return g; });
    const line = el("div", "ml-line");
    line.append(grid.root, maps);

    const set = (patch) => lab.set({ ...patch, model: "own" });
    const own = (name, label, values) => KNOBS.range({ name, label, values, shown: count }, (v, done) => lab.set({ [name]: v, model: "own" }, done));
    const knobs = {
      encoder: own("encoder", "layers", Array.from({ length: 49 }, (_, i) => i)),
      decoder: own("decoder", "layers with cross-attention", Array.from({ length: 25 }, (_, i) => i)),
      d: own("d", "d", [64, 128, 256, 384, 512, 640, 768, 1024, 1280, 1600, 2048]),
      heads: own("heads", "h", [1, 2, 4, 8, 12, 16, 20, 25, 32]),
      ffn: own("ffn", "FFN", [128, 256, 512, 1024, 2048, 3072, 4096, 5120, 6400, 8192]),
      vocab: own("vocab", "vocabulary", [0, 1000, 4000, 8000, 30522, 40478, 50257, 50265, 100000, 250000]),
    };
    const flags = { attention_bias: "biases", output_projection: "W_O", final_norm: "last norm", tied: "tied output" };
    const checks = Object.entries(flags).map(([name, label]) => [name, KNOBS.check({ name, label }, (v) => set({ [name]: v }))]);
    const menu = KNOBS.select({ name: "model", label: "Model", choices: [...Object.keys(KNOWN), "own"].map((n) => [n, n === "own" ? "your own" : n]) }, (model) => lab.set(model === "own" ? { model } : { model, ...KNOWN[model] }));
    const builder = el("div", "ml-controls");
    builder.append(menu.node, ...Object.values(knobs).map((k) => k.node), ...checks.map(([, k]) => k.node));
    const bars = new Bars("parameters by part");
    const total = el("p", "ml-formula ml-big");
    const reference = el("div", "ml-table");
    panel.append(diagram, line, shape, el("h4", "", "Count the parameters"), builder, total, bars.root, reference);
    return (s) => {
      const w = walk(s);
      const step = Math.min(s.step, w.steps.length - 1);
      diagram.replaceChildren(...w.steps.flatMap(([name], i) => {
        const button = el("button", "", name.trim(), { type: "button", "data-step": i, "aria-pressed": String(i === step) });
        button.addEventListener("click", () => lab.set({ step: i }));
        return [button];
      }));
      const [name, tensor] = w.steps[step];
      grid.set(tensor, w.words, null, { title: name.trim() });
      heads.forEach((g, h) => g.set(w.weights[h], w.words, w.words));
      maps.hidden = !["heads", "masked attention"].includes(name);
      shape.textContent = `Here d = 8 and 2 heads, random weights; in the paper ${IN_512[name.trim()]}.${s.pre ? " Norm first: each part reads a normed copy, the stream itself is left alone." : ""}`;
      menu.set(s.model);
      for (const [key, knob] of Object.entries(knobs)) knob.set(s[key]);
      for (const [key, knob] of checks) knob.set(s[key]);
      const parts = MX.countBlocks(s);
      const sum = Object.values(parts).reduce((a, b) => a + b, 0);
      total.textContent = s.d % s.heads ? `Width ${s.d} does not divide into ${s.heads} heads — choose another number of heads.` : `${count(sum)} parameters${PRINTED_TOTALS[s.model] ? ` · reference ${count(PRINTED_TOTALS[s.model])}` : ""} · ${fmt(sum * 2 / 1e6, 1)} MB in fp16`;
      bars.set(PARTS_OF.map((p) => ({ name: p, value: sum ? parts[p] / sum : 0, text: count(parts[p]) })));
      const t = el("table");
      const add = (cells, tag = "td", strong = false) => { const r = el("tr", strong ? "ml-strong" : ""); r.append(...cells.map((x) => el(tag, "", x))); t.append(r); };
      add(["model", "counted here", "reference"], "th");
      for (const [n, stack] of Object.entries(KNOWN)) if (PRINTED_TOTALS[n]) add([n, count(Object.values(MX.countBlocks(stack)).reduce((a, b) => a + b, 0)), count(PRINTED_TOTALS[n])], "td", n === s.model);
      reference.replaceChildren(t);
    };
  },
  data: (s) => ({ ...Object.fromEntries(walk(s).steps.map(([n, A]) => [n.trim(), A])), parameters: Object.entries(MX.countBlocks(s)) }),
});
