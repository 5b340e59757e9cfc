// The text itself above the canvas: each token tinted by how much the focused one looks at it.

class Words {
  constructor(host, root) {
    this.host = host;
    this.root = root;
    this.at = 0;
    const index = (event) => this.buttonsOf(event.target);
    root.addEventListener("pointerover", (event) => index(event) && host.hover(...index(event)));
    root.addEventListener("pointerleave", () => host.leave());
    root.addEventListener("click", (event) => index(event) && host.lock(...index(event)));
    root.addEventListener("dblclick", (event) => index(event) && host.act.toggleHidden(index(event)));
    root.addEventListener("keydown", (event) => this.key(event));
  }

  // [query, key] a token stands for; −1 leaves that side as it is.
  buttonsOf(target) {
    const button = target.closest("button[data-i]");
    if (!button) return null;
    const i = Number(button.dataset.i);
    if (button.dataset.side === "key") return [-1, i];
    return [i, -1];
  }

  build() {
    const { map, host } = { map: this.host.map, host: this.host };
    this.root.replaceChildren(...(map.square ? [] : [this.line(map.keys, "key", "reads")]), this.line(map.queries, "query", map.square ? "" : "writes"));
    this.chips = [...this.root.querySelectorAll("button")];
    if (this.chips[0]) this.chips[0].tabIndex = 0;
    this.tint(host);
  }

  line(side, name, title) {
    const line = document.createElement("div");
    line.className = "av-line";
    if (title) line.append(Object.assign(document.createElement("i"), { textContent: title }));
    side.tokens.forEach((token, i) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.dataset.i = i;
      chip.dataset.side = name;
      chip.tabIndex = -1;
      chip.className = side.kinds[i] === "word" ? "" : "av-special";
      chip.textContent = side.kinds[i] === "patch" ? "▪" : shown(token);
      if (this.host.map.split && i === this.host.map.split) chip.classList.add("av-second");
      if (token.startsWith(" ")) chip.classList.add("av-gap");
      if (this.host.mark(i, side) === "hidden") chip.classList.add("av-hidden");
      line.append(chip);
    });
    return line;
  }

  tint() {
    const { frame, map, colours } = this.host;
    if (!this.chips || !frame) return;
    const focus = this.host.focus();
    const weight = new Map();
    if (focus) frame.ki.forEach((k, c) => weight.set(k, frame.values[focus.r * frame.K + c]));
    for (const chip of this.chips) {
      const i = Number(chip.dataset.i);
      const onKeys = chip.dataset.side === "key" || map.square;
      const value = onKeys ? weight.get(i) : undefined;
      chip.style.background = value === undefined ? "" : colours.of(value);
      chip.style.color = value === undefined ? "" : inkOn(colours, value, this.host.dark);
      const own = focus && (chip.dataset.side === "query" ? frame.qi[focus.r] === i : false);
      chip.classList.toggle("av-own", Boolean(own));
      chip.setAttribute("aria-pressed", String(Boolean(own && this.host.locked())));
    }
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = this.chips.indexOf(event.target);
    if (event.key === "Escape") return this.host.unlock();
    if (event.key === "Delete" && at >= 0) return this.host.act.toggleHidden(this.buttonsOf(event.target));
    if (!step || at < 0) return;
    event.preventDefault();
    const next = this.chips[clamp(at + step, 0, this.chips.length - 1)];
    this.chips[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    this.host.hover(...this.buttonsOf(next));
  }
}

function inkOn(colours, value, dark) {
  const strong = colours.share(value) > 0.45;
  return strong === dark ? "#111110" : strong ? "#ffffff" : "";
}
