// The bars above and below: what a person set, in the URL too.

const DEFAULTS = { versus: "", view: "matrix", kind: "raw", discard: 0, specials: "show", cut: 1, minus: "", pair: "", log: false, click: "open" };
const SHORT = { view: "v", kind: "r", discard: "d", specials: "s", cut: "c", minus: "m", pair: "p" };

const WARNINGS = {
  flow: "Flow: how much could run from each token down to each input if weights were pipes. It knows nothing of values and MLPs.",
  grad: "A weight counts by how much it raises the likeliest answer at the locked token (else the last): (A ⊙ ∇A)₊, rows scaled to 1, then chained like rollout. Read the locked row; the others are what it was chained from.",
  rollout: "Rollout chains the layers up to this one, half of each being the skip connection. It treats weights as the whole story: on DeiT-Base people found it worse than the raw heads.",
};

class Controls {
  constructor(host) {
    this.host = host;
    const { root } = host;
    const on = (selector, event, run) => root.querySelector(selector).addEventListener(event, (e) => run(e.target));
    for (const button of root.querySelectorAll("[data-view]")) button.addEventListener("click", () => host.set({ view: button.dataset.view }));
    for (const button of root.querySelectorAll("[data-click]")) button.addEventListener("click", () => host.set({ click: button.dataset.click }));
    for (const button of root.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => host.zoom(Number(button.dataset.zoom)));
    for (const button of root.querySelectorAll("[data-save]")) button.addEventListener("click", () => host.save(button.dataset.save));
    on(".av-map", "change", (t) => host.set({ map: Number(t.value) }));
    on(".av-layer", "input", (t) => host.set({ layer: Number(t.value) - 1 }));
    on(".av-kind", "change", (t) => host.set({ kind: t.value }));
    on(".av-discard", "input", (t) => host.set({ discard: Number(t.value) / 100 }));
    on(".av-specials", "change", (t) => host.set({ specials: t.value }));
    on(".av-cut", "input", (t) => host.set({ cut: Number(t.value) / 100 }));
    on(".av-minus", "change", (t) => host.set({ minus: t.value }));
    on(".av-pair", "change", (t) => host.set({ pair: t.value }));
    on(".av-log", "change", (t) => host.set({ log: t.checked }));
    for (const group of root.querySelectorAll("[role=radiogroup]")) group.addEventListener("keydown", walkRadios);
  }

  find(selector) {
    return this.host.root.querySelector(selector);
  }

  // What depends on the map: heads, layers, what it can show.
  build() {
    const { map, maps, state } = this.host;
    this.find(".av-title").textContent = map.title;
    this.find(".av-which").hidden = maps.length < 2;
    this.find(".av-map").replaceChildren(...maps.map((m, i) => new Option(m.title, i, false, i === state.map)));
    this.find(".av-layer").max = map.layers;
    this.find(".av-depth").hidden = map.layers < 2;
    this.find("[data-view=overlay]").hidden = !OverlayView.fits(map);
    this.find("[data-view=grid]").hidden = map.layers * map.heads < 2 || state.versus === "minus";
    this.find(".av-pair-label").hidden = !map.split;
    this.find(".av-kind option[value=flow]").disabled = !map.flow;
    this.find(".av-kind option[value=grad]").disabled = !map.gradient;
    for (const option of this.find(".av-kind").options) if (/^\d$/.test(option.value)) option.disabled = !map.square || !this.host.shelved;
    this.find(".av-kind").parentElement.hidden = !this.host.shelved;
    this.heads();
    const minus = [new Option("nothing", "")];
    for (let l = 0; l < map.layers; l++) for (let h = 0; h < map.heads; h++) minus.push(new Option(`layer ${l + 1}, head ${h + 1}`, `${l}.${h}`));
    this.find(".av-minus").replaceChildren(...minus);
  }

  heads() {
    const { map } = this.host;
    const entries = Array.from({ length: map.heads }, (_, h) => [String(h + 1), h]);
    if (map.heads > 1) entries.push(["mean", MEAN], ["max", MAX]);
    const box = this.find(".av-heads");
    box.hidden = map.heads < 2;
    const label = Object.assign(document.createElement("span"), { textContent: "head" });
    box.replaceChildren(label, ...entries.map(([text, head]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", headName(head));
      button.dataset.head = head;
      button.addEventListener("click", () => this.host.set({ head }));
      return button;
    }));
  }

  show() {
    const { state, map, root } = this.host;
    check(root.querySelectorAll("[data-view]"), (b) => b.dataset.view === state.view);
    check(root.querySelectorAll("[data-click]"), (b) => b.dataset.click === state.click);
    check(root.querySelectorAll("[data-head]"), (b) => Number(b.dataset.head) === state.head);
    for (const b of root.querySelectorAll("[data-head]")) b.classList.toggle("av-silent", this.host.silent(state.layer, Number(b.dataset.head)));
    this.find(".av-layer").value = state.layer + 1;
    this.find(".av-layer-name").textContent = `${state.layer + 1} of ${map.layers}`;
    this.find(".av-kind").value = state.kind;
    const rolls = /^\d$/.test(state.kind);
    this.find(".av-discard-label").hidden = !rolls;
    this.find(".av-discard").value = 100 * state.discard;
    this.find(".av-discard-label b").textContent = `${Math.round(100 * state.discard)} %`;
    this.find(".av-specials").value = state.specials;
    this.find(".av-cut").value = 100 * state.cut;
    this.find(".av-cut ~ b").textContent = `${Math.round(100 * state.cut)} %`;
    this.find(".av-minus").value = state.minus;
    this.find(".av-pair").value = state.pair;
    this.find(".av-log").checked = state.log;
    this.find(".av-click").hidden = state.view !== "grid" || !this.host.act.editable;
    const warn = this.find(".av-warn");
    warn.hidden = state.kind === "raw";
    warn.textContent = WARNINGS[state.kind] || WARNINGS.rollout;
    if (state.kind !== "raw" || state.minus || state.pair) this.find(".av-more").open = true;
  }

  // ---- the address ----------------------------------------------------------------------------

  remember() {
    const { prefix, state, first } = this.host;
    if (!prefix) return;
    const parts = [`l${state.layer + 1}`, `h${state.head < 0 ? headCode(state.head) : state.head + 1}`];
    if (state.map) parts.push(`a${state.map}`);
    for (const [key, letter] of Object.entries(SHORT)) if (state[key] !== DEFAULTS[key]) parts.push(letter + state[key]);
    if (state.log) parts.push("g");
    if (state.lock) parts.push(`q${state.lock.q}`, ...(state.lock.k >= 0 ? [`k${state.lock.k}`] : []));
    const text = parts.join("_");
    window.genapp.url.set(prefix, text, first);
    this.host.first = first ?? text;
  }

  recall() {
    const text = (this.host.prefix && window.genapp.url.get(this.host.prefix)) || "";
    const found = {};
    for (const part of text.split("_").filter(Boolean)) {
      const [letter, rest] = [part[0], part.slice(1)];
      const key = Object.keys(SHORT).find((name) => SHORT[name] === letter);
      if (letter === "l") found.layer = Number(rest) - 1;
      else if (letter === "h") found.head = rest === "mean" ? MEAN : rest === "max" ? MAX : Number(rest) - 1;
      else if (letter === "a") found.map = Number(rest);
      else if (letter === "g") found.log = true;
      else if (letter === "q") found.lock = { q: Number(rest), k: -1 };
      else if (letter === "k" && found.lock) found.lock.k = Number(rest);
      else if (key) found[key] = typeof DEFAULTS[key] === "number" ? Number(rest) : rest;
    }
    return found;
  }
}

function headCode(head) {
  return head === MEAN ? "mean" : "max";
}

function check(buttons, chosen) {
  const found = [...buttons].some((b) => !b.hidden && chosen(b));
  [...buttons].forEach((b, i) => {
    b.setAttribute("aria-checked", String(chosen(b)));
    b.tabIndex = chosen(b) || (!found && i === 0) ? 0 : -1;
  });
}

function walkRadios(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const buttons = [...event.currentTarget.querySelectorAll("[role=radio]:not([hidden])")];
  const at = buttons.indexOf(event.target);
  if (!step || at < 0) return;
  event.preventDefault();
  const next = buttons[(at + step + buttons.length) % buttons.length];
  next.click();
  next.focus();
}
