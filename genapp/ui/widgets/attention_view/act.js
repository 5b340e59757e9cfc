// Interventions: hide or swap a token, silence a head. The widget only keeps the list; the page
// runs the model again and sends the next value.

class Act {
  constructor(host, root, editable, trigger) {
    this.host = host;
    this.root = root;
    this.editable = editable;
    this.trigger = trigger;
    root.hidden = !editable;
    root.querySelector(".av-silence").addEventListener("click", () => this.toggleHead(host.state.layer, host.state.head));
    root.querySelector(".av-hide").addEventListener("click", () => this.toggleHidden([this.token(), -1]));
    root.querySelector(".av-undo").addEventListener("click", () => this.send({ hide: [], swap: {}, ablate: [] }));
    root.querySelector(".av-swap").addEventListener("submit", (event) => {
      event.preventDefault();
      this.swap(root.querySelector(".av-swap input").value.trim());
    });
  }

  // The list as the server knows it.
  take(text) {
    const read = text ? JSON.parse(text) : {};
    this.changes = { hide: read.hide || [], swap: read.swap || {}, ablate: read.ablate || [] };
  }

  origin(i) {
    return this.host.map.origins.length ? this.host.map.origins[i] : i;
  }

  // The token that buttons speak of: the locked key if it is another than the query, else the query.
  token() {
    const lock = this.host.state.lock;
    return lock ? (lock.k >= 0 ? lock.k : lock.q) : -1;
  }

  hidden(i) {
    return this.changes.hide.includes(this.origin(i));
  }

  silent(layer, head) {
    return this.changes.ablate.some(([l, h]) => l === layer && h === head);
  }

  toggleHidden([q, k]) {
    const i = q >= 0 ? q : k;
    if (!this.editable || i < 0) return;
    const at = this.origin(i);
    const { hide } = this.changes;
    this.send({ ...this.changes, hide: hide.includes(at) ? hide.filter((x) => x !== at) : [...hide, at] });
  }

  swap(text) {
    const i = this.token();
    if (i < 0 || !text) return;
    this.root.querySelector(".av-swap input").value = "";
    this.send({ ...this.changes, swap: { ...this.changes.swap, [this.origin(i)]: text } });
  }

  toggleHead(layer, head) {
    if (!this.editable) return;
    const heads = head >= 0 ? [head] : Array.from({ length: this.host.map.heads }, (_, h) => h);
    const on = heads.every((h) => this.silent(layer, h));
    const others = this.changes.ablate.filter(([l, h]) => l !== layer || !heads.includes(h));
    this.send({ ...this.changes, ablate: on ? others : [...others, ...heads.map((h) => [layer, h])] });
  }

  send(changes) {
    this.changes = changes;
    this.root.setAttribute("aria-busy", "true");
    this.show();
    this.trigger("intervene", { changes: JSON.stringify(changes) });
  }

  show() {
    if (!this.editable) return;
    const { state, map } = this.host;
    const find = (name) => this.root.querySelector(name);
    const all = state.head < 0;
    const heads = all ? Array.from({ length: map.heads }, (_, h) => h) : [state.head];
    const on = heads.every((h) => this.silent(state.layer, h));
    find(".av-silence").textContent = `${on ? "Restore" : "Silence"} ${all ? `layer ${state.layer + 1}` : `head ${state.head + 1}`}`;
    const i = this.token();
    const word = i >= 0 ? `“${shown(map.queries.tokens[i] || "")}”` : "a locked token";
    find(".av-hide").textContent = `${i >= 0 && this.hidden(i) ? "Show" : "Hide"} ${word}`;
    find(".av-hide").disabled = i < 0;
    find(".av-swap input").disabled = i < 0;
    find(".av-swap input").placeholder = i >= 0 ? `swap ${word} for…` : "lock a token to swap it";
    const { hide, swap, ablate } = this.changes;
    const count = hide.length + Object.keys(swap).length + ablate.length;
    find(".av-undo").disabled = !count;
    find(".av-undo").textContent = count ? `Undo ${count} change${count > 1 ? "s" : ""}` : "Undo";
  }
}
