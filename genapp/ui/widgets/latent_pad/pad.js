// One decoder: its map, its picture, its code field and its live stream. The widget owns the cursor
// (shared by twins) and tells each pad to `go` there.

class Pad {
  constructor(root, mirror, about, widget) {
    this.root = root;
    this.mirror = mirror;
    this.widget = widget;
    this.family = about.family;
    this.map = new MapView(root.querySelector(".lp-map"), widget.view, this.hooks());
    this.picture = new Picture(root.querySelector(".lp-picture"));
    this.field = root.querySelector(".lp-z");
    this.field.addEventListener("change", () => this.typed());
    this.field.addEventListener("focus", () => this.field.select());
    this.spaces = new Map(); // by checkpoint, kept for going back and forth between several
    this.mosaics = new Map();
    this.become(about, null);
  }

  // Another checkpoint once its map has arrived; false if a later call overtook this one.
  async use(about) {
    this.wanted = about.checkpoint;
    const space = await this.spaceOf(about.checkpoint);
    if (this.wanted !== about.checkpoint) return false;
    this.become({ title: this.title, subtitle: this.subtitle, ...about }, space);
    return true;
  }

  become({ checkpoint, title, subtitle }, space) {
    this.checkpoint = checkpoint;
    this.title = title;
    this.subtitle = subtitle || "";
    this.root.querySelector(".lp-title").textContent = title;
    this.mirror.querySelector(".lp-mirror-title").textContent = title;
    this.root.querySelector(".lp-subtitle").textContent = this.subtitle;
    this.live = window.genapp.live(this.family, checkpoint);
    const stream = (op, inFlight, paint) =>
      this.live.stream(op, (...reply) => checkpoint === this.checkpoint && paint(...reply), {
        inFlight,
        fail: (error, retry) => checkpoint === this.checkpoint && this.widget.fail(error, retry),
      });
    this.stream = stream("decode", this.widget.inFlight, (reply, _, at) => this.show(reply, at));
    this.encoder = stream("encode", 2, (reply, row) => this.encoded(reply, row));
    this.own = null; // what the encoder makes of the drawing
    this.space = space;
    this.mosaic = this.mosaics.get(checkpoint) || null;
    this.frames = null;
  }

  hooks() {
    const widget = this.widget;
    return {
      grab: () => widget.grab(this),
      move: (x, y, event) => widget.place(x, y, event.timeStamp),
      look: () => widget.look(),
      whole: () => widget.whole(),
      nudge: (axis, sign, large, event) => widget.nudge(this, axis, sign, large, event),
      nearest: (x, y) => widget.nearest(this, x, y),
      resized: () => this.redraw(),
    };
  }

  async load() {
    this.space = await this.spaceOf(this.checkpoint);
  }

  async spaceOf(checkpoint) {
    if (!this.spaces.has(checkpoint)) {
      const raw = await this.widget.server.points({ checkpoint });
      if (raw.error) throw new Error(raw.error);
      this.spaces.set(checkpoint, new Space(raw));
    }
    return this.spaces.get(checkpoint);
  }

  // ------------------------------------------------------------------ the cursor

  go(u, inputAt) {
    this.stream.send(this.space.z(u), inputAt);
    this.root.dataset.lastSent = this.stream.stats.sent;
    this.widget.counted(this);
  }

  // The cursor and the numbers, without asking for a picture.
  point(u) {
    const { i, j } = this.widget;
    this.map.moveCursor(u[i], u[j]);
    const z = this.space.z(u);
    if (document.activeElement !== this.field) {
      this.field.value = z.map((v) => rounded(v)).join(", ");
    }
    const words = `dimension ${i + 1}, ${z[i].toFixed(2)}; dimension ${j + 1}, ${z[j].toFixed(2)}`;
    this.map.root.setAttribute("aria-valuetext", words);
    this.map.root.setAttribute("aria-valuenow", clamp(Math.round(100 * u[i]), 0, 100));
  }

  show(reply, inputAt) {
    this.picture.paint(reply.data, reply.shape, 0, this.widget.table);
    const { stats } = this.stream;
    this.root.dataset.painted = Number(this.root.dataset.painted || 0) + 1;
    this.root.dataset.lastPainted = stats.painted;
    this.root.dataset.lastSent = stats.sent;
    this.widget.painted(this, reply, inputAt);
  }

  typed() {
    const z = this.field.value.replaceAll("−", "-").split(/[\s,;]+/).filter(Boolean).map(Number);
    if (z.length !== this.space.d || !z.every(Number.isFinite)) {
      const example = this.space.low.map((_, k) => (k % 2 ? "-1.2" : "0.4")).slice(0, 4).join(", ");
      this.field.setCustomValidity(
        `Give ${this.space.d} numbers separated by commas — for example ${example}.`,
      );
      this.field.reportValidity();
      return;
    }
    this.field.setCustomValidity("");
    this.widget.grab(this);
    this.widget.set(this.space.u(z), performance.now());
  }

  // ------------------------------------------------------------------ backgrounds and tour

  // The mosaic behind the present view, in one request.
  async tile() {
    const { view, i, j, u } = this.widget;
    const window = { left: view.left, bottom: view.bottom, width: view.width };
    const cells = this.cells();
    const rows = new Float32Array(cells * cells * this.space.d);
    for (let k = 0; k < cells * cells; k++) {
      const at = Array.from(u);
      at[i] = window.left + ((k % cells) + 0.5) * (window.width / cells);
      at[j] = window.bottom + window.width - (Math.floor(k / cells) + 0.5) * (window.width / cells);
      rows.set(this.space.z(at), k * this.space.d);
    }
    const { checkpoint } = this;
    const reply = await this.live.call("decode", rows, this.space.d);
    if (checkpoint !== this.checkpoint) return;
    this.mosaic = { ...window, reply, cells };
    this.mosaics.set(checkpoint, this.mosaic);
    this.root.dataset.mosaic = cells;
    this.inkMosaic(this.mosaic);
    this.redraw();
  }

  cells() {
    return Math.floor(Math.sqrt(this.affordable(400)));
  }

  // How many pictures to ask for at once: `wish`, fewer if they are large or slow to decode.
  affordable(wish) {
    const { bytes = 784, ms = 0 } = this.cost || {};
    return Math.max(25, Math.floor(Math.min(wish, 2e6 / bytes, 1500 / ms)));
  }

  forgetMosaics() {
    this.mosaics.clear();
    this.mosaic = null;
  }

  inkMosaic(mosaic) {
    mosaic.canvas = mosaicCanvas(mosaic.reply, mosaic.cells, this.widget.table);
  }

  // The very first picture, which also tells what one costs.
  async first(u) {
    const reply = await this.live.call("decode", Float32Array.from(this.space.z(u)), this.space.d);
    this.picture.paint(reply.data, reply.shape, 0, this.widget.table);
    this.cost = { bytes: reply.data.byteLength };
  }

  // The pictures along a closed path, so that the tour costs the server one request, not sixty a
  // second for every open page.
  async film(path) {
    const rows = new Float32Array(path.length * this.space.d);
    path.forEach((u, k) => rows.set(this.space.z(u), k * this.space.d));
    const { checkpoint } = this;
    const frames = await this.live.call("decode", rows, this.space.d);
    if (checkpoint !== this.checkpoint) return;
    this.frames = frames;
    this.cost = { bytes: frames.data.byteLength / path.length, ms: frames.ms / path.length };
    this.widget.measured(this.cost.ms);
  }

  frame(index) {
    if (!this.frames) return; // on its way
    this.picture.paint(this.frames.data, this.frames.shape, index, this.widget.table);
  }

  // ------------------------------------------------------------------ the visitor's own digit

  encode(pixels) {
    this.encoder.send(pixels);
  }

  // A row of the encoder: μ (d), σ (d), reconstruction (784), squared error (1).
  encoded(reply, pixels) {
    const { d } = this.space;
    const row = reply.data;
    this.own = { u: this.space.u(Array.from(row.subarray(0, d))), sigma: row.slice(d, 2 * d) };
    this.reflect(pixels, row.subarray(2 * d, 2 * d + 784), row[2 * d + 784]);
    this.remark();
    this.widget.ownEncoded(this);
  }

  reflect(pixels, back, error) {
    const bytes = Uint8Array.from(back, (v) => clamp(Math.round(v), 0, 255));
    this.mirror.hidden = false;
    this.back = this.back || new Picture(this.mirror.querySelector(".lp-back"));
    this.back.paint(bytes, [1, 28, 28], 0, this.widget.table);
    errorImage(this.mirror.querySelector(".lp-off").getContext("2d"), pixels, bytes, 28);
    this.mirror.querySelector(".lp-sse").textContent = error.toFixed(1);
  }

  forget() {
    this.own = null;
    this.mirror.hidden = true;
    this.remark();
  }

  // ------------------------------------------------------------------ drawing

  redraw() {
    const { i, j, ink, paper, ground, alone } = this.widget;
    const points = { points: 1, mosaic: 0, both: 0.75 }[ground];
    const tiles = { points: 0, mosaic: 0.9, both: 0.35 }[ground];
    const { space, mosaic } = this;
    this.map.drawGround({ space, i, j, ink, paper, mosaic, points, tiles, alone });
    this.remark();
    if (this.space && this.widget.u) this.map.moveCursor(this.widget.u[i], this.widget.u[j]);
  }

  remark() {
    const { i, j, ink, paper, ends } = this.widget;
    const marks = [];
    for (const [name, u] of Object.entries(ends)) {
      if (u) marks.push({ x: u[i], y: u[j], name });
    }
    if (this.own && this.space) {
      const radius = (k) => this.own.sigma[k] / this.space.span(k);
      const { u } = this.own;
      const { accent: colour } = this.widget;
      marks.push({ x: u[i], y: u[j], rx: radius(i), ry: radius(j), name: "", colour });
    }
    const line = ends.A && ends.B ? [ends.A, ends.B].map((u) => [u[i], u[j]]) : null;
    this.map.drawMarks(marks, line, ink, paper);
  }

  reink() {
    this.picture.repaint(this.widget.table);
    if (this.back) this.back.repaint(this.widget.table);
    for (const mosaic of this.mosaics.values()) this.inkMosaic(mosaic);
    this.redraw();
  }
}
