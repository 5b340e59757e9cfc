// The attention viewer: one state, one frame, five ways to draw it.

class AttentionView {
  constructor(element, props, trigger) {
    this.element = element;
    this.root = element.querySelector(".av");
    this.canvas = this.root.querySelector(".av-canvas");
    this.prefix = props.share;
    this.trigger = trigger;
    this.state = { map: 0, layer: 0, head: 0, lock: null, ...DEFAULTS };
    this.hovered = null;
    this.act = new Act(this, this.root.querySelector(".av-act"), props.editable, trigger);
    this.act.take("");
    this.versus = new Versus(this, this.root.querySelector(".av-versus"));
    this.words = new Words(this, this.root.querySelector(".av-words"));
    this.controls = new Controls(this);
    this.views = { matrix: new MatrixView(this), lines: new LinesView(this), grid: new GridView(this), row: new RowView(this), overlay: new OverlayView(this) };
    this.root.querySelector(".av-hint-edit").textContent = props.editable ? ", double-click a word to hide it from the others" : "";
    this.root.querySelector(".av-error button").addEventListener("click", () => this.load());
    listenToCanvas(this);
    this.readInk();
    watchAround(this);
  }

  // ---- a new value ------------------------------------------------------------------------------

  take(value) {
    if (!value || !value.maps) return;
    const opening = !this.source;
    const changes = value.changes || "";
    this.run = value.run;
    this.maps = readMaps(value.maps);
    this.shelved = Boolean(value.key);
    this.source = this.shelved ? new Shelved(value.key, this.maps) : new Inline(value.matrix, this.maps);
    this.act.take(changes);
    this.root.querySelector(".av-act").setAttribute("aria-busy", "false");
    if (value.see) Object.assign(this.state, JSON.parse(value.see));
    if (opening) Object.assign(this.state, this.controls.recall());
    this.versus.take(value);
    this.settle();
    this.renew();
    this.load();
    if (value.see && !opening) this.controls.remember();
  }

  // Other tokens: the old numbers are none of theirs; the old picture stays until the new one is here.
  renew() {
    this.full = this.frame = null;
    this.controls.build();
    this.words.build();
  }

  get map() {
    return this.maps[this.state.map];
  }

  // The state within what the pass has.
  settle() {
    const { state } = this;
    const whole = (v, low, high) => (Number.isInteger(v) && v >= low && v <= high ? v : Math.max(low, Math.min(0, high)));
    state.map = whole(state.map, 0, this.maps.length - 1);
    const { map } = this;
    state.layer = Math.min(Math.max(0, state.layer | 0), map.layers - 1);
    state.head = whole(state.head, map.heads > 1 ? MAX : 0, map.heads - 1);
    if (map.heads === 1) state.head = 0;
    if (!this.views[state.view] || (state.view === "overlay" && !OverlayView.fits(map)) || (state.view === "grid" && state.versus === "minus")) state.view = "matrix";
    if (!(state.cut >= 0.05 && state.cut <= 1)) state.cut = 1;
    if (!(state.discard >= 0 && state.discard <= 0.9)) state.discard = 0;
    if (!["show", "hide", "renorm"].includes(state.specials)) state.specials = "show";
    if (!/^(raw|[012]|flow|grad)$/.test(state.kind) || !map.square || (state.kind === "flow" && !map.flow) || (state.kind === "grad" && !map.gradient)) state.kind = "raw";
    const [l, h] = String(state.minus).split(".").map(Number);
    if (!(l < map.layers && h < map.heads)) state.minus = "";
    if (!/^[AB]{2}$/.test(state.pair) || !map.split) state.pair = "";
    const inside = (token) => token && token.q < map.queries.tokens.length && token.k < map.keys.tokens.length;
    if (!inside(state.lock)) state.lock = null;
    if (!inside(this.hovered)) this.hovered = null;
  }

  set(wanted) {
    const reload = ["map", "layer", "head", "kind", "discard", "minus", "versus"].some((key) => key in wanted);
    Object.assign(this.state, wanted);
    if ("versus" in wanted) this.versus.show();
    this.settle();
    if ("map" in wanted || "versus" in wanted) this.renew();
    if (reload) this.load();
    else this.reframe();
    this.controls.remember();
  }

  derived() {
    return this.state.kind !== "raw" || Boolean(this.state.minus) || this.state.versus === "minus" || !this.shelved;
  }

  // ---- numbers ----------------------------------------------------------------------------------

  async load() {
    const wish = (this.wish = {});
    this.controls.show();
    this.act.show();
    try {
      const { state } = this;
      const asked = this.asked();
      const cube = await this.cube(this.source);
      const against = state.versus === "minus";
      const Q = against ? this.map.queries.tokens.length : cube.Q;
      const K = against ? this.map.keys.tokens.length : cube.K;
      const full = corner(oneOf(cube, state.head), cube.K, Q, K);
      if (against) subtract(full, await this.versus.rest(Q, K));
      if (state.minus) {
        const [l, h] = state.minus.split(".").map(Number);
        subtract(full, corner(oneOf(await this.source.layer(state.map, l), h), cube.K, Q, K));
      }
      if (this.wish !== wish) return;
      this.full = { values: full, Q, K, signed: against || Boolean(state.minus), run: this.run, asked };
      this.root.querySelector(".av-error").hidden = true;
      this.reframe();
    } catch (error) {
      if (this.wish === wish) this.fail(error);
    }
  }

  cube(source) {
    const { map, layer, kind, discard } = this.state;
    if (kind === "flow") return source.flow(map, layer);
    if (kind === "grad") return source.gradient(map, layer, this.asked());
    if (kind !== "raw") return source.rollout(map, layer, Number(kind), discard);
    return source.layer(map, layer);
  }

  // The query whose answer gradients are taken of.
  asked() {
    return this.state.lock ? this.state.lock.q : this.map.queries.tokens.length - 1;
  }

  reframe() {
    if (!this.full) return;
    const { values, Q, K, signed } = this.full;
    this.frame = frameOf(values, Q, K, this.map, this.state, signed);
    this.colours = new Colours(this.dark, signed, this.state.log && !signed, this.frame.top);
    this.controls.show();
    this.act.show();
    this.root.querySelector(".av-top-value").textContent = percent(this.frame.top, signed);
    this.root.querySelector(".av-scale").firstChild.textContent = signed ? percent(-this.frame.top, true) : this.state.log ? percent(this.frame.top * FLOOR) : "0";
    this.root.querySelector(".av-scale i").style.background = `linear-gradient(90deg, ${[0, 64, 128, 192, 255].map((i) => this.colours.css[i]).join(",")})`;
    this.root.querySelector(".av-words").hidden = this.map.queries.kinds.includes("patch");
    const passName = `${this.run}/${this.state.versus}/${this.state.map}/${this.state.log}/${this.dark}`;
    if (this.state.view === "grid" && this.gridOf !== passName) {
      this.gridOf = passName;
      this.views.grid.load().catch((error) => {
        this.gridOf = "";
        this.fail(error);
      });
    }
    this.statistics();
    this.touched();
  }

  // Entropy, reach and share to specials of the head on show.
  async statistics() {
    const place = this.root.querySelector(".av-stats");
    const { state, map } = this;
    place.hidden = !this.shelved || this.derived() || state.head < 0;
    if (place.hidden) return;
    const wish = this.wish;
    const stats = await this.source.stats(state.map, state.layer).catch(() => []);
    if (this.wish !== wish || !stats[state.head]) return;
    const [entropy, reach, special, ...shares] = stats[state.head];
    const unit = map.keys.grid ? "patches" : "tokens";
    place.textContent = `This head: entropy ${entropy.toFixed(2)} nats · looks ${reach.toFixed(1)} ${unit} away on average · ${percent(special)} on special tokens`;
    place.append(histogram(shares, unit));
  }

  // ---- focus ------------------------------------------------------------------------------------

  locked() {
    return Boolean(this.state.lock);
  }

  // {r, c} in the frame's cells, of the lock or else what the pointer is on.
  focus() {
    const token = this.state.lock || this.hovered;
    if (!token || !this.frame) return null;
    const r = this.frame.qi.indexOf(token.q);
    if (r < 0) return null;
    const c = token.k >= 0 ? this.frame.ki.indexOf(token.k) : -1;
    return { r, c: c >= 0 ? c : this.best(r) };
  }

  best(r) {
    const { frame } = this;
    let best = 0;
    for (let c = 1; c < frame.K; c++) if (Math.abs(frame.values[r * frame.K + c]) > Math.abs(frame.values[r * frame.K + best])) best = c;
    return best;
  }

  hover(q, k) {
    if (this.locked() || !this.frame) return;
    const query = q >= 0 ? q : this.hovered ? this.hovered.q : this.frame.qi[this.frame.Q - 1];
    this.hovered = { q: query, k };
    this.touched();
  }

  leave() {
    if (this.locked() || !this.hovered) return;
    this.hovered = null;
    this.touched();
  }

  lock(q, k) {
    if (!this.frame) return;
    const old = this.state.lock;
    const query = q >= 0 ? q : old ? old.q : this.frame.qi[this.frame.Q - 1];
    const same = old && old.q === query && old.k === k;
    this.state.lock = same ? null : { q: query, k };
    this.hovered = same ? { q: query, k } : null;
    this.lockChanged();
  }

  unlock() {
    this.state.lock = null;
    this.lockChanged();
  }

  lockChanged() {
    this.touched();
    this.controls.remember();
    this.act.show();
    if (this.state.kind === "grad") this.load();
    if (this.state.lock && this.state.versus !== "other") this.trigger("select", { index: this.state.lock.q, map: this.state.map });
  }

  touched() {
    if (!this.frame) return;
    this.redraw();
    this.words.tint();
    readOut(this);
  }

  mark(index, side) {
    return this.act.hidden(side === this.map.queries ? [index, -1] : [-1, index]) ? "hidden" : "";
  }

  silent(layer, head) {
    return this.act.silent(layer, head);
  }

  // ---- drawing ----------------------------------------------------------------------------------

  view() {
    return this.views[this.state.view];
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      if (this.frame) this.paint();
    });
  }

  paint() {
    const width = Math.floor(this.canvas.parentElement.clientWidth);
    if (width < 40) return; // a tab that is closed; the observer tells when it opens
    const ctx = this.canvas.getContext("2d");
    ctx.font = this.font(400);
    const view = this.view();
    const blank = !this.frame.Q || !this.frame.K; // nothing produced yet, or everything filtered out
    const height = blank ? 60 : Math.ceil(view.fit(ctx, width));
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    ctx.scale(scale, scale);
    ctx.clearRect(0, 0, width, height);
    ctx.font = this.font(400);
    ctx.lineWidth = 1;
    if (!blank) view.draw(ctx);
    this.root.querySelector(".av-zoom").hidden = !(this.state.view === "matrix" && !blank && view.zoomable());
    const { dataset } = this.element;
    Object.assign(dataset, { state: "ready", run: this.run, view: this.state.view, layer: this.state.layer, head: this.state.head, locked: this.locked() });
    dataset.painted = Number(dataset.painted || 0) + 1;
    this.element.dispatchEvent(new CustomEvent("attention-view:paint", { detail: { sent: this.source.sent } }));
  }

  font(weight, size = 13) {
    return `${weight} ${size}px ${this.family}`;
  }

  readInk() {
    this.dark = document.body.classList.contains("dark");
    this.family = getComputedStyle(this.root).fontFamily || "sans-serif";
    const style = getComputedStyle(this.root);
    this.accent = style.getPropertyValue("--color-accent").trim() || "#6f5bf0";
    this.paper = this.dark ? "#191918" : "#ffffff";
    const root = this.root;
    this.ink = (opacity) => inkOf(root, opacity);
  }

  zoom(factor) {
    const { matrix } = this.views;
    matrix.setZoom(matrix.zoom * factor);
    this.redraw();
  }

  // ---- words ------------------------------------------------------------------------------------

  caption() {
    const { state, map } = this;
    const weighed = `rollout by gradients of the answer at “${shown(map.queries.tokens[this.asked()] || "")}”`;
    const what = { raw: headName(state.head), flow: "flow", grad: weighed }[state.kind] || `rollout, ${["mean", "max", "min"][state.kind]} of heads`;
    const minus = state.minus ? ` minus layer ${Number(state.minus.split(".")[0]) + 1}, head ${Number(state.minus.split(".")[1]) + 1}` : "";
    const versus = { minus: ` minus ${this.versus.other?.name}`, other: ` · ${this.versus.other?.name}` }[state.versus] || "";
    return `${map.title} · layer ${state.layer + 1} of ${map.layers}, ${what}${minus}${versus}`;
  }

  settings() {
    const { state, map } = this;
    return {
      model: map.title, text: map.queries.tokens.join("").trim(), layer: state.layer + 1, head: state.kind === "raw" ? headName(state.head) : state.kind,
      view: state.view, "special tokens": state.specials, "top weight kept": state.cut, minus: state.minus || "nothing", beside: this.versus.other?.name || "nothing", shown: state.versus || "this",
      "log colour": state.log, changes: JSON.stringify(this.act.changes), address: location.href,
    };
  }

  async save(kind) {
    if (!this.frame) return;
    if (kind === "png") return savePng(this);
    const make = { svg: [svgOf, "image/svg+xml"], csv: [csvOf, "text/csv"], html: [htmlOf, "text/html"] }[kind];
    take(`attention.${kind}`, make[1], await make[0](this));
  }

  fail(error) {
    this.element.dataset.state = "failed";
    const box = this.root.querySelector(".av-error");
    box.hidden = false;
    box.firstElementChild.textContent = error.message;
  }
}
