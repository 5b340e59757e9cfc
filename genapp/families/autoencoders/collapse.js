// The axis of b: seven stops that the thumb snaps to. Every view is fetched once, the one in sight
// first and its neighbours next, so that a move only swaps what is already here.

class Collapse {
  constructor(element, props, server) {
    Object.assign(this, { element, server });
    this.range = this.find(".bx-range");
    this.holder = this.find(".bx-view");
    this.views = new Map();
    this.index = props.start;
    this.range.addEventListener("input", () => this.slide());
    this.range.addEventListener("keydown", (event) => this.key(event));
    this.range.addEventListener("change", () => this.settle());
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  async open() {
    const reply = await this.ask("axis", null);
    if (reply.error) return this.fail(reply.error, () => this.open());
    this.stops = reply.stops;
    const wanted = window.genapp.url.get("collapse.b");
    const linked = this.stops.findIndex((stop) => wanted !== null && stop.b === Number(wanted));
    if (linked >= 0) this.index = linked;
    this.draw(reply);
    this.show(this.index);
    this.settle();
    await this.fetch(this.index);
    const others = this.stops.map((_, k) => k).sort((a, b) => Math.abs(a - this.index) - Math.abs(b - this.index));
    for (const k of others) await this.fetch(k);
    this.element.dataset.state = "ready";
  }

  async ask(name, argument) {
    try {
      return await this.server[name](argument);
    } catch (e) {
      return { error: "The server is out of reach — check that the app still runs, then try again." };
    }
  }

  draw({ stops, marks }) {
    const ticks = stops.map((stop, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.tabIndex = -1;
      button.style.left = `${stop.at}%`;
      button.textContent = stop.text;
      button.addEventListener("click", () => this.show(k, true));
      return button;
    });
    this.find(".bx-ticks").replaceChildren(...ticks);
    const [first, second, third] = marks.map((mark) => {
      const span = document.createElement("span");
      span.style.left = `${mark.at}%`;
      span.innerHTML = `2λ${mark.text} = ${mark.b}` + (mark.used ? "" : "<br>a third would die");
      span.className = mark.used ? "" : "unused";
      return span;
    });
    first.innerHTML += "<br>1st dies";
    second.innerHTML += "<br>2nd dies";
    this.find(".bx-marks").replaceChildren(first, second);
    if (third) third.remove();
  }

  // The stop nearest to the thumb; the thumb itself snaps when it is let go.
  slide() {
    const at = Number(this.range.value);
    const apart = this.stops.map((stop) => Math.abs(stop.at - at));
    this.show(apart.indexOf(Math.min(...apart)));
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const end = { Home: 0, End: this.stops ? this.stops.length - 1 : 0 }[event.key];
    if (!this.stops || (step === undefined && end === undefined)) return;
    event.preventDefault();
    this.show(end ?? Math.min(this.stops.length - 1, Math.max(0, this.index + step)), true);
  }

  settle() {
    if (this.stops) this.range.value = this.stops[this.index].at;
  }

  show(index, settle = false) {
    this.index = index;
    const stop = this.stops[index];
    if (settle) this.settle();
    this.find(".bx-b").textContent = stop.text;
    for (const name of ["factor", "beta", "sigma"]) this.find(`.bx-${name}`).textContent = stop.knobs[name];
    this.range.setAttribute("aria-valuetext", `b ${stop.text}`);
    [...this.find(".bx-ticks").children].forEach((tick, k) => tick.classList.toggle("here", k === index));
    window.genapp.url.set("collapse.b", stop.b, 0.784);
    if (this.views.has(index)) this.paint(index);
    else this.fetch(index);
  }

  paint(index) {
    if (this.painted === index) return;
    this.painted = index;
    this.holder.innerHTML = this.views.get(index);
    this.holder.setAttribute("aria-busy", "false");
    this.element.dataset.b = this.stops[index].b;
  }

  async fetch(index) {
    if (!this.views.has(index)) {
      const reply = await this.ask("view", index);
      if (reply.error) {
        if (index === this.index) this.fail(reply.error, () => this.fetch(index));
        return;
      }
      this.views.set(index, reply.html);
    }
    if (index === this.index) this.paint(index);
  }

  fail(words, retry) {
    const line = document.createElement("p");
    line.className = "ae-trouble";
    line.setAttribute("role", "alert");
    line.textContent = words + " ";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Try again";
    button.addEventListener("click", retry);
    line.append(button);
    this.painted = -1;
    this.holder.replaceChildren(line);
    this.holder.setAttribute("aria-busy", "false");
  }
}

element.collapse = new Collapse(element, props, server);
element.collapse.open();
