// One layer of attention and nothing else as a language model, trained in the browser with and
// without a mask. No residual path: all a word knows of itself and others comes through the weights.
// Words come from a small grammar, so the best possible loss of an honest model is known.
(() => {
  const M = window.genapp.mechanics;
  const GROUPS = [["robot", "dog", "child"], ["must", "may", "will"], ["obey", "find", "hide"], ["orders", "bones", "toys"]];
  const WORDS = GROUPS.flat();
  const ODDS = [0.5, 0.3, 0.2];
  const T = 8;
  const D = 16;
  const STEPS = 1200; // a few seconds

  const follow = (r, word) => ((Math.floor(word / 3) + 1) % 4) * 3 + r.pick(ODDS);
  const legal = (a, b) => Math.floor(b / 3) === (Math.floor(a / 3) + 1) % 4;
  const sample = (r) => {
    const ids = [r.pick(Array(12).fill(1 / 12))];
    while (ids.length < T + 1) ids.push(follow(r, ids.at(-1)));
    return ids;
  };

  class TinyLM {
    constructor(masked, seed = 1) {
      this.masked = masked;
      this.r = M.random(seed);
      const g = (a, b, s) => this.r.normals(a, b, s);
      this.p = { E: g(12, D, 0.7), P: g(T, D, 1), Wq: g(D, D, 0.25), Wk: g(D, D, 0.25), Wv: g(D, D, 0.25), U: g(D, 12, 0.25) };
      this.m = {};
      this.v = {};
      for (const [k, W] of Object.entries(this.p)) [this.m[k], this.v[k]] = [M.zeros(W.length, W[0].length), M.zeros(W.length, W[0].length)];
      this.steps = 0;
    }

    forward(ids) {
      const { E, P, Wq, Wk, Wv, U } = this.p;
      const X = ids.map((id, t) => E[id].map((e, k) => e + P[t][k]));
      const c = M.attend({ X, Wq, Wk, Wv, mask: this.masked ? M.causalMask(ids.length) : null });
      return { X, c, probabilities: M.matmul(c.output, U).map((z) => M.softmax(z)) };
    }

    loss(ids, { probabilities: p } = this.forward(ids.slice(0, -1))) {
      return -p.reduce((s, row, t) => s + Math.log(row[ids[t + 1]]), 0) / p.length;
    }

    // Gradients of the mean loss of one sentence, by hand.
    gradients(ids, { X, c, probabilities } = this.forward(ids.slice(0, -1))) {
      const { Wq, Wk, Wv, U } = this.p;
      const n = X.length;
      const t = M.transpose;
      const dz = M.map(probabilities, (p, i, j) => (p - (j === ids[i + 1])) / n);
      const dH = M.matmul(dz, t(U));
      const dA = M.matmul(dH, t(c.V));
      const inner = c.weights.map((a, i) => M.dotp(a, dA[i]));
      const dS = M.map(c.weights, (a, i, j) => (a * (dA[i][j] - inner[i])) / Math.sqrt(D));
      const [dQ, dK, dV] = [M.matmul(dS, c.K), M.matmul(t(dS), c.Q), M.matmul(t(c.weights), dH)];
      const back = [M.matmul(dQ, t(Wq)), M.matmul(dK, t(Wk)), M.matmul(dV, t(Wv))];
      const dX = M.map(back[0], (g, i, k) => g + back[1][i][k] + back[2][i][k]);
      const Xt = t(X);
      const dE = M.zeros(12, D);
      ids.slice(0, -1).forEach((id, i) => dX[i].forEach((g, k) => { dE[id][k] += g; }));
      return { E: dE, P: dX, Wq: M.matmul(Xt, dQ), Wk: M.matmul(Xt, dK), Wv: M.matmul(Xt, dV), U: M.matmul(t(c.output), dz) };
    }

    // One Adam step on `batch` new sentences; returns their mean loss.
    step(batch = 4) {
      const rate = 0.02 * Math.max(0.1, 1 - this.steps / STEPS);
      const sum = {};
      let loss = 0;
      for (let b = 0; b < batch; b++) {
        const ids = sample(this.r);
        const seen = this.forward(ids.slice(0, -1));
        loss += this.loss(ids, seen) / batch;
        for (const [k, G] of Object.entries(this.gradients(ids, seen))) sum[k] = sum[k] ? M.map(sum[k], (x, i, j) => x + G[i][j] / batch) : M.map(G, (x) => x / batch);
      }
      this.steps++;
      for (const [k, G] of Object.entries(sum)) {
        G.forEach((row, i) => row.forEach((g, j) => {
          const m = (this.m[k][i][j] += 0.1 * (g - this.m[k][i][j]));
          const v = (this.v[k][i][j] += 0.01 * (g * g - this.v[k][i][j]));
          this.p[k][i][j] -= (rate * (m / (1 - 0.9 ** this.steps))) / (Math.sqrt(v / (1 - 0.99 ** this.steps)) + 1e-8);
        }));
      }
      return loss;
    }

    // Writes word by word, when no future is there to copy; `legal` is the share of allowed steps.
    write(sentences = 20) {
      let good = 0;
      let first = null;
      for (let n = 0; n < sentences; n++) {
        const ids = [n % 3];
        while (ids.length < T) {
          ids.push(this.r.pick(this.forward(ids).probabilities.at(-1)));
          good += legal(ids.at(-2), ids.at(-1));
        }
        first ||= ids.map((id) => WORDS[id]).join(" ");
      }
      return { text: first, legal: good / (sentences * (T - 1)) };
    }
  }

  M.TinyLM = TinyLM;
  M.tinySteps = STEPS;
  M.tinyFloor = M.entropy(ODDS); // nats per word: nobody who can't see the next word does better
  M.tinySample = (seed) => sample(M.random(seed));
})();
