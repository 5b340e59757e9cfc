// The sampler's arithmetic on one vector of logits, in the order of the Python side:
// penalties → temperature → top-k → top-p → min-p → typical → renormalise.
// Full vocabulary in typed arrays; what a slider can't change is computed once and kept.
(() => {
  const genapp = (window.genapp = window.genapp || {});
  if (genapp.sampling) return;

  const NEUTRAL = {
    temperature: 1, top_k: 0, top_p: 1, min_p: 0, typical_p: 1, repetition_penalty: 1,
    presence_penalty: 0, frequency_penalty: 0, no_repeat_ngram: 0,
  };

  // Token ids from the most to the least likely; equal logits by id.
  function ranked(z) {
    const ids = Int32Array.from(z, (_, i) => i);
    return ids.sort((a, b) => z[b] - z[a] || a - b);
  }

  // `order` with the few ids in `moved` put where their new logits belong: no second full sort.
  function reranked(order, z, moved) {
    const changed = Int32Array.from(moved).sort((a, b) => z[b] - z[a] || a - b);
    const out = new Int32Array(order.length);
    let c = 0;
    let n = 0;
    for (const id of order) {
      if (moved.has(id)) continue;
      while (c < changed.length && (z[changed[c]] > z[id] || (z[changed[c]] === z[id] && changed[c] < id))) {
        out[n++] = changed[c++];
      }
      out[n++] = id;
    }
    while (c < changed.length) out[n++] = changed[c++];
    return out;
  }

  // Tokens that would complete an n-gram the context already holds.
  function repeats(context, n) {
    const found = new Set();
    if (n < 1 || context.length + 1 < n) return found;
    const last = context.slice(context.length - n + 1);
    for (let i = 0; i + n <= context.length; i++) {
      if (last.every((id, k) => context[i + k] === id)) found.add(context[i + n - 1]);
    }
    return found;
  }

  // Logits after the penalties, and the ids whose logits moved.
  function penalised(logits, context, s) {
    const z = new Float64Array(logits);
    const counts = new Map();
    for (const id of context) counts.set(id, (counts.get(id) || 0) + 1);
    for (const [id, count] of counts) {
      z[id] = z[id] > 0 ? z[id] / s.repetition_penalty : z[id] * s.repetition_penalty;
      z[id] -= s.presence_penalty + count * s.frequency_penalty;
    }
    const banned = repeats(context, s.no_repeat_ngram);
    if (banned.size >= z.length) banned.clear();
    for (const id of banned) z[id] = -Infinity;
    return { z, moved: new Set([...counts.keys(), ...banned]) };
  }

  // softmax(z / T) by rank; T = 0 puts everything on the first.
  function softmax(z, order, T) {
    const p = new Float64Array(order.length);
    if (T === 0) {
      p[0] = 1;
      return p;
    }
    const top = z[order[0]];
    let sum = 0;
    for (let r = 0; r < p.length; r++) sum += p[r] = Math.exp((z[order[r]] - top) / T);
    for (let r = 0; r < p.length; r++) p[r] /= sum;
    return p;
  }

  function normalise(p, n) {
    let sum = 0;
    for (let r = 0; r < n; r++) sum += p[r];
    for (let r = 0; r < p.length; r++) p[r] = r < n ? p[r] / sum : 0;
  }

  function entropy(p) {
    let h = 0;
    for (const x of p) if (x > 0) h -= x * Math.log(x);
    return h;
  }

  // Ranks that top-k keeps of the first n; the k-th's equals stay with it.
  function top(z, order, n, k) {
    let kept = Math.min(n, k);
    while (kept < n && z[order[kept]] === z[order[kept - 1]]) kept++;
    return kept;
  }

  // How many ranks top-p keeps of the first n: the smallest set whose sum reaches `mass`.
  function nucleus(p, n, mass) {
    let sum = 0;
    for (let r = 0; r < n; r++) {
      sum += p[r];
      if (sum >= mass) return r + 1;
    }
    return n;
  }

  // Locally typical sampling (Meister et al. 2022): the ranks [from, to) whose surprise is nearest
  // to the entropy. p falls with rank, so they are neighbours and two fingers find them.
  function typical(p, n, mass) {
    const h = entropy(p);
    const off = (r) => Math.abs(-Math.log(p[r]) - h);
    let to = 0;
    while (to < n && p[to] > 0 && -Math.log(p[to]) < h) to++;
    let from = to;
    let sum = 0;
    do {
      const right = to < n && p[to] > 0;
      if (from === 0 && !right) break;
      sum += from > 0 && !(right && off(to) < off(from - 1)) ? p[--from] : p[to++];
    } while (sum < mass);
    return [from, to];
  }

  class Distribution {
    // logits: Float32Array (V); context: ids of the tokens before, which the penalties count.
    constructor(logits, context = []) {
      this.logits = logits;
      this.context = context;
      this.order = ranked(logits);
      const p = softmax(logits, this.order, 1);
      this.raw = new Float64Array(p.length); // by id
      for (let r = 0; r < p.length; r++) this.raw[this.order[r]] = p[r];
      this.entropy = entropy(p);
      this.key = "";
    }

    penalise(s) {
      const key = [s.repetition_penalty, s.presence_penalty, s.frequency_penalty, s.no_repeat_ngram].join();
      if (key === this.key) return;
      this.key = key;
      const { z, moved } = penalised(this.logits, this.context, s);
      this.z = z;
      this.ranks = key === "1,0,0,0" ? this.order : reranked(this.order, z, moved);
    }

    // What is drawn from. Arrays run by rank: `order` ids, `before` after penalties and T, `after`
    // the cuts. `cuts` says how many ranks each filter alone lets through, null where it is off.
    apply(settings) {
      const s = { ...NEUTRAL, ...settings };
      this.penalise(s);
      const order = this.ranks;
      const before = softmax(this.z, order, s.temperature);
      const after = before.slice();
      const cuts = { top_k: null, top_p: null, min_p: null, typical_p: null };
      let n = order.length;
      while (n > 1 && before[n - 1] === 0) n--;
      if (s.top_k > 0) normalise(after, (n = cuts.top_k = top(this.z, order, n, s.top_k)));
      if (s.top_p < 1) normalise(after, (n = cuts.top_p = nucleus(after, n, s.top_p)));
      if (s.min_p > 0) {
        while (n > 1 && after[n - 1] < s.min_p * after[0]) n--;
        normalise(after, (cuts.min_p = n));
      }
      let from = 0;
      if (s.typical_p < 1) {
        [from, n] = cuts.typical_p = typical(after, n, s.typical_p);
        after.fill(0, 0, from);
        normalise(after, n);
      }
      const h = entropy(after);
      return { order, before, after, cuts, from, to: n, entropy: h, effective: Math.exp(h) };
    }

    // The same as probabilities by token id.
    probabilities(settings) {
      const { order, after } = this.apply(settings);
      const p = new Float64Array(after.length);
      for (let r = 0; r < p.length; r++) p[order[r]] = after[r];
      return p;
    }
  }

  genapp.sampling = { NEUTRAL, Distribution, entropy };
})();
