// One pass held against another: this one, the other, or their difference, place by place.

class Versus {
  constructor(host, root) {
    this.host = host;
    this.root = root;
    this.other = null;
    for (const button of root.querySelectorAll("[data-versus]")) button.addEventListener("click", () => host.set({ versus: button.dataset.versus }));
  }

  // The other pass of a value, if it has one; a comparison opens on the difference.
  take(value) {
    this.own = this.host.maps;
    this.mine = this.host.source;
    const was = Boolean(this.other);
    this.other = null;
    if (value.other) {
      const maps = readMaps(value.otherMaps);
      this.other = { maps, source: new Shelved(value.other, maps), name: value.otherName };
      this.both = this.own.map((map, i) => both(map, maps[i]));
    }
    if (!this.other) this.host.state.versus = "";
    else if (!was) this.host.state.versus = "minus";
    this.show();
  }

  // Puts the chosen pass before the host.
  show() {
    const { host, other, root } = this;
    const { versus } = host.state;
    host.maps = versus === "minus" ? this.both : versus === "other" ? other.maps : this.own;
    host.source = versus === "other" ? other.source : this.mine;
    root.hidden = !other;
    if (!other) return;
    root.querySelector(".av-versus-name").textContent = `beside ${other.name}:`;
    check(root.querySelectorAll("[data-versus]"), (b) => b.dataset.versus === versus);
  }

  // What to subtract, as floats of a (Q × K) corner of its own matrix.
  async rest(Q, K) {
    const { map, layer, head } = this.host.state;
    const theirs = this.other.maps[map];
    if (layer >= theirs.layers || head >= theirs.heads) {
      throw new Error(`${this.other.name} has ${theirs.layers} layers of ${theirs.heads} heads — choose one of them.`);
    }
    const cube = await this.host.cube(this.other.source);
    return corner(oneOf(cube, head), cube.K, Q, K);
  }
}

function readMaps(text) {
  const maps = JSON.parse(text);
  for (const map of maps) map.keys = map.keys || map.queries;
  return maps;
}

// The first Q rows and K columns of rows that are `wide`.
function corner(values, wide, Q, K) {
  if (wide === K && values.length === Q * K) return values;
  const out = new Float32Array(Q * K);
  for (let q = 0; q < Q; q++) out.set(values.subarray(q * wide, q * wide + K), q * K);
  return out;
}

// A map of the places both have; a token that differs carries both names.
function both(map, other) {
  const side = (mine, theirs) => {
    const count = Math.min(mine.tokens.length, theirs.tokens.length);
    const tokens = mine.tokens.slice(0, count).map((t, i) => (t === theirs.tokens[i] ? t : `${t}|${shown(theirs.tokens[i])}`));
    return { ...mine, tokens, kinds: mine.kinds.slice(0, count) };
  };
  const queries = side(map.queries, other.queries);
  return { ...map, queries, keys: map.keys === map.queries ? queries : side(map.keys, other.keys) };
}
