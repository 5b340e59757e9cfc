// Where the numbers come from: a pass on the server's shelf, layer by layer, or one matrix that
// came with the value itself. A layer is {H, Q, K, data, unit}: weight = data · unit.

const LAYERS_KEPT = 6; // of 512 tokens and 12 heads each takes 3 MB

function floatsOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

// The most recent results of a slow question, by name; a failed one is asked again.
class Memory {
  constructor(most) {
    this.most = most;
    this.kept = new Map();
  }

  of(name, ask) {
    const found = this.kept.get(name) || ask();
    this.kept.delete(name);
    this.kept.set(name, found);
    found.catch(() => this.kept.delete(name));
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value);
    return found;
  }
}

class Shelved {
  constructor(key, maps) {
    this.live = window.genapp.live("attention", key);
    this.maps = maps;
    this.layers = new Memory(LAYERS_KEPT);
    this.rows = new Memory(64);
    this.small = new Memory(200);
    this.sent = 0; // bytes received, for the curious and the benchmark
  }

  async ask(op, numbers) {
    const reply = await this.live.call(op, numbers, numbers.length);
    this.sent += reply.data.byteLength;
    return reply;
  }

  async cube(op, numbers) {
    const { shape, data } = await this.ask(op, numbers);
    return { H: shape[0], Q: shape[1], K: shape[2], data, unit: 1 / 255 };
  }

  layer(map, layer) {
    return this.layers.of(`${map}/${layer}`, () => this.cube("layer", [map, layer]));
  }

  rollout(map, layer, how, discard) {
    return this.layers.of(`${map}/${layer}/${how}/${discard}`, () => this.cube("rollout", [map, layer, how, discard]));
  }

  flow(map, layer) {
    return this.layers.of(`${map}/${layer}/flow`, () => this.cube("flow", [map, layer]));
  }

  gradient(map, layer, query) {
    return this.layers.of(`${map}/${layer}/gradient/${query}`, () => this.cube("gradient", [map, layer, query]));
  }

  thumbs(map, layer, side) {
    return this.small.of(`${map}/${layer}/${side}`, () => this.cube("thumbs", [map, layer, side]));
  }

  // Rows of numbers: [score, scaled, masked, weight] of one head, or the weights alone of a mix.
  row(map, layer, head, query) {
    return this.rows.of(`${map}/${layer}/${head}/${query}`, async () => {
      const { shape, data } = await this.ask("row", [map, layer, head, query]);
      return Array.from({ length: shape[0] }, (_, i) => data.subarray(i * shape[1], (i + 1) * shape[1]));
    });
  }

  stats(map, layer) {
    return this.small.of(`${map}/${layer}/stats`, async () => {
      const { shape, data } = await this.ask("stats", [map, layer]);
      return Array.from({ length: shape[0] }, (_, h) => data.subarray(h * shape[1], (h + 1) * shape[1]));
    });
  }
}

// One matrix (rows × keys) in the value: it may gain a row with every update.
class Inline {
  constructor(matrix, maps) {
    const K = maps[0].keys.tokens.length;
    this.maps = maps;
    this.sent = matrix.length;
    this.data = floatsOf(matrix);
    this.cube = { H: 1, Q: this.data.length / K, K, data: this.data, unit: 1 };
  }

  async layer() {
    return this.cube;
  }

  async thumbs() {
    return this.cube;
  }

  async row(map, layer, head, query) {
    const { K, data } = this.cube;
    return [data.subarray(query * K, (query + 1) * K)];
  }

  async stats() {
    return [];
  }
}
