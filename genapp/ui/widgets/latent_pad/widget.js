// The live latent pad: one or two decoders under one cursor. Everything that moves the cursor goes
// through `set`; pads paint, controls follow.

const GROUNDS = ["points", "mosaic", "both"];
const FILM = 400; // pictures of the tour at most, and of one request

class LatentPad {
  constructor(element, props, server) {
    this.element = element;
    this.server = server;
    this.root = element.querySelector(".lp");
    this.i = 0;
    this.j = 1;
    this.u = null;
    this.view = new View();
    this.past = new Past();
    this.ends = { A: null, B: null };
    this.alone = -1;
    this.smooth = false;
    this.inFlight = props.pads.length > 1 ? 2 : 4; // a browser opens six connections to a server
    this.prefix = props.prefix;
    const { ground } = readLink(this.prefix);
    this.ground = GROUNDS.includes(ground) ? ground : props.ground;
    this.readInk();
    const sections = this.root.querySelectorAll(".lp-pad");
    const mirrors = this.root.querySelectorAll(".lp-mirror");
    this.pads = props.pads.map((about, k) => new Pad(sections[k], mirrors[k], about, this));
    this.active = this.pads[0];
    this.speed = new Speed(this);
    this.tour = new Tour(this.root, (share) => this.touring(share));
    this.sketch = new Sketch(this.find(".lp-sketch"), () => this.drawn());
    this.find(".lp-own").hidden = !props.encoder;
    listenToControls(this);
    listenAround(this);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  async open() {
    this.element.dataset.state = "loading";
    try {
      await Promise.all(this.pads.map((pad) => pad.load()));
      this.ready();
      await this.begin();
      this.element.dataset.state = "ready";
    } catch (error) {
      this.element.dataset.state = "failed";
      this.fail(error, () => this.open());
    }
  }

  ready() {
    const { space } = this.pads[0];
    if (space.d < 2 || this.pads.some((pad) => pad.space.d !== space.d)) {
      throw new Error("These codes can't share a map — choose two of equal length, from 2 numbers on.");
    }
    buildSliders(this);
    buildLegend(this);
    buildPlane(this);
    const { z } = readLink(this.prefix);
    this.linked = z && z.length === space.d;
    this.u = this.linked ? space.u(z) : this.rest();
    this.setGround(this.ground, false);
    this.show(this.u);
  }

  // The tour, or its first picture where it is not welcome; then the mosaic.
  async begin() {
    this.hideError();
    if (this.linked || !Tour.welcome()) this.set(this.u);
    else {
      await Promise.all(this.pads.map((pad) => pad.first(this.u)));
      await this.startTour();
    }
    if (this.ground !== "points") await this.tile();
  }

  // The code zero where it lies inside the box, else the box's centre.
  rest() {
    const pad = this.pads[this.pads.length - 1];
    return pad.space.low.map((low, k) => {
      const zero = -low / pad.space.span(k);
      return zero > 0 && zero < 1 ? zero : 0.5;
    });
  }

  // ------------------------------------------------------------------ the cursor

  set(u, inputAt) {
    this.u = u.map((v) => clamp(v, -FAR, 1 + FAR));
    for (const pad of this.pads) pad.go(this.u, inputAt); // the request leaves before the rest
    this.show(this.u);
    this.settleSoon();
  }

  // The cursor and every number, without new pictures.
  show(u) {
    for (const pad of this.pads) pad.point(u);
    updateSliders(this);
  }

  // Something is about to move the cursor: remember where it was.
  grab(pad) {
    if (pad) this.active = pad;
    this.past.keep(this.u);
    this.updatePast();
  }

  place(x, y, inputAt) {
    if (!this.u) return;
    const u = Array.from(this.u);
    u[this.i] = x;
    u[this.j] = y;
    this.set(u, inputAt);
  }

  slide(k, value, event) {
    const u = Array.from(this.u);
    u[k] = value;
    this.set(u, event.timeStamp);
  }

  nudge(pad, axis, sign, large, event) {
    this.nudgeDimension(pad, axis ? this.j : this.i, sign, large, event);
  }

  nudgeDimension(pad, k, sign, large, event) {
    if (!event.repeat) this.grab(pad);
    const u = Array.from(this.u);
    u[k] += (sign * pad.space.step(k, large)) / pad.space.span(k);
    this.set(u, event.timeStamp);
  }

  jump(u) {
    this.grab();
    this.set(Array.from(u), performance.now());
  }

  nearest(pad, x, y) {
    const at = Array.from(this.u);
    if (x !== null) [at[this.i], at[this.j]] = [x, y];
    const index = pad.space.nearest(at, this.i, this.j);
    if (index < 0) return;
    this.active = pad;
    this.jump(pad.space.code(index));
    this.say(`Nearest code: ${pad.space.classes[pad.space.labels[index]] || "of unknown class"}.`);
  }

  // Twins draw in the last pad's units: it is the one with a prior.
  random() {
    const { space } = this.pads[this.pads.length - 1];
    const heat = Number(this.find(".lp-t").value);
    const normal = () =>
      Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
    this.jump(space.u(space.low.map(() => heat * normal())));
  }

  zero() {
    const { space } = this.pads[this.pads.length - 1];
    this.jump(space.u(space.low.map(() => 0)));
  }

  undo(back) {
    const u = this.past.step(this.u, back);
    if (u) this.set(u, performance.now());
    this.updatePast();
  }

  updatePast() {
    this.find(".lp-undo").disabled = !this.past.before.length;
    this.find(".lp-redo").disabled = !this.past.after.length;
  }

  // ------------------------------------------------------------------ pads report

  counted(pad) {
    if (pad === this.pads[0]) this.element.dataset.lastSent = pad.stream.stats.sent;
  }

  painted(pad, reply, inputAt) {
    this.hideError();
    if (pad === this.pads[0]) {
      Object.assign(this.element.dataset, {
        painted: pad.root.dataset.painted,
        lastPainted: pad.root.dataset.lastPainted,
        lastSent: pad.root.dataset.lastSent,
      });
      this.speed.tick(pad.stream.stats);
    }
    const latency = inputAt ? performance.now() - inputAt : null;
    const { seq, ms, rtt } = reply;
    const detail = { pad: this.pads.indexOf(pad), seq, ms, rtt, latency };
    this.element.dispatchEvent(new CustomEvent("latent-pad:paint", { detail }));
  }

  measured(ms) {
    this.find(".lp-ms").textContent = milliseconds(ms);
  }

  ownEncoded(pad) {
    if (this.following && pad === this.active) this.set(Array.from(pad.own.u), performance.now());
  }

  fail(error, retry) {
    this.find(".lp-error-words").textContent = error.message;
    this.find(".lp-error").hidden = false;
    this.find(".lp-retry").hidden = !retry;
    this.find(".lp-retry").onclick = () => {
      this.hideError();
      retry();
    };
  }

  hideError() {
    this.find(".lp-error").hidden = true;
  }

  say(words) {
    this.find(".lp-done").textContent = words;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => (this.find(".lp-done").textContent = ""), 4000);
  }

  // ------------------------------------------------------------------ view and background

  look() {
    if (!this.drawing) {
      this.drawing = requestAnimationFrame(() => {
        this.drawing = 0;
        this.redraw();
      });
    }
    this.tileSoon(250);
  }

  whole() {
    this.view.reset();
    this.look();
  }

  redraw() {
    for (const pad of this.pads) pad.redraw();
  }

  setGround(ground, fetch = true) {
    this.ground = ground;
    for (const button of this.root.querySelectorAll("[data-ground]")) {
      button.setAttribute("aria-pressed", String(button.dataset.ground === ground));
    }
    this.root.classList.toggle("lp-no-points", ground === "mosaic");
    this.redraw();
    if (fetch && ground !== "points" && !this.pads[0].mosaic) this.tileSoon(0);
  }

  plane(axis, k) {
    this[axis] = k;
    this.view.reset();
    for (const pad of this.pads) pad.forgetMosaics();
    this.redraw();
    this.show(this.u);
    this.tileSoon(0);
  }

  tileSoon(wait) {
    clearTimeout(this.tiling);
    if (this.ground === "points") return;
    const retry = () => this.tileSoon(0);
    this.tiling = setTimeout(() => this.tile().catch((error) => this.fail(error, retry)), wait);
  }

  tile() {
    return Promise.all(this.pads.map((pad) => pad.tile()));
  }

  // After the last move: the address, and for d > 2 the mosaic, which depends on all of z.
  settleSoon() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      writeLink(this);
      if (this.u.length > 2) this.tileSoon(0);
    }, 400);
  }

  close() {
    this.tour.close();
    for (const pad of this.pads) pad.map.close();
  }

  readInk() {
    this.ink = inkOf(this.root);
    this.table = inkTable(this.ink);
    const style = getComputedStyle(this.root);
    this.paper = style.getPropertyValue("--lp-paper").trim() || "white";
    this.accent = style.getPropertyValue("--color-accent").trim() || "#6f5bf0";
  }

  // ------------------------------------------------------------------ tour

  async startTour() {
    const count = Math.min(...this.pads.map((pad) => pad.affordable(FILM)));
    this.path = Tour.path(this.u, this.i, this.j, count);
    await Promise.all(this.pads.map((pad) => pad.film(this.path)));
    this.tour.start(nearestStep(this.path, this.u));
    this.find(".lp-tour").setAttribute("aria-pressed", "true");
  }

  touring(share) {
    const count = this.path.length;
    const exact = share * count;
    const index = Math.floor(exact) % count;
    const next = this.path[(index + 1) % count];
    this.u = this.path[index].map((v, k) => v + (exact - Math.floor(exact)) * (next[k] - v));
    this.show(this.u);
    if (index === this.filmed) return;
    this.filmed = index;
    for (const pad of this.pads) pad.frame(index);
    this.speed.tick();
    this.element.dataset.toured = index;
  }

  stopTour() {
    if (!this.tour.on) return;
    this.tour.stop();
    this.find(".lp-tour").setAttribute("aria-pressed", "false");
    this.set(this.u);
  }

  toggleTour() {
    if (this.tour.on) this.stopTour();
    else this.startTour().catch((error) => this.fail(error, () => this.toggleTour()));
  }

  // ------------------------------------------------------------------ own digit, A and B

  // The cursor follows the drawing on the map that was used last.
  drawn() {
    this.following = true;
    this.encode(this.pads);
  }

  encode(pads) {
    const pixels = this.sketch.pixels();
    for (const pad of pads) {
      if (pixels) pad.encode(pixels);
      else pad.forget();
    }
  }

  async upload(file) {
    try {
      await this.sketch.upload(file);
      this.hideError();
    } catch (error) {
      this.fail(error, null);
    }
  }

  setEnd(name) {
    this.ends[name] = Array.from(this.u);
    const { A, B } = this.ends;
    this.find(".lp-alpha").disabled = !(A && B);
    this.find(".lp-alpha").value = name === "A" ? 0 : 1;
    for (const pad of this.pads) pad.remark();
    this.say(A && B ? "Pull the bar from A to B." : `${name} is set; move on and set the other.`);
  }

  morph(alpha, event) {
    const { A, B } = this.ends;
    this.set(A.map((a, k) => (1 - alpha) * a + alpha * B[k]), event.timeStamp);
  }

  // Another checkpoint for pad `index`, the cursor staying where it is on the map.
  async use(index, about) {
    const pad = this.pads[index];
    try {
      if (!(await pad.use(about))) return;
      this.following = false;
      this.encode([pad]);
      if (this.tour.on) await pad.film(this.path);
      else this.set(this.u);
      this.redraw();
      this.tileSoon(0);
    } catch (error) {
      this.fail(error, () => this.use(index, about));
    }
  }
}

function openLatentPad(element, props, server) {
  if (!window.genapp || !window.genapp.live) {
    const words = element.querySelector(".lp-error-words");
    words.textContent = "The page loaded without its live client — reload it.";
    element.querySelector(".lp-error").hidden = false;
    return;
  }
  element.latentPad = new LatentPad(element, props, server);
  element.latentPad.open();
}
