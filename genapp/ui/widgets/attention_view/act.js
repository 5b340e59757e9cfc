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
    root.querySelector(".av-hide").addEventListener("click", () => this.toggleHidden(this.token()));
    root.querySelector(".av-undo").addEventListener("click", () => this.send({ hide: [], swap: {}, ablate: [] }));
    root.querySelector(".av-swap").addEventListener("submit", (event) => {
      event.preventDefault();
      this.swap(root.querySelector(".av-swap input").value.trim());
    });
  }

  // What is compared with is looked at, not touched.
  able() {
    return this.editable && this.host.state.versus !== "other";
  }

  // The list as the server knows it.
  take(text) {
    const read = text ? JSON.parse(text) : {};
    this.changes = { hide: read.hide || [], swap: read.swap || {}, ablate: read.ablate || [] };
  }

  // The server's number of query q, or of key k where q is −1; −1 for neither.
  origin([q, k]) {
    const { origins, keyOrigins } = this.host.map;
    const [i, list] = q >= 0 ? [q, origins] : [k, keyOrigins];
    return i < 0 || !list.length ? i : list[i];
  }

  // The token that buttons speak of, as [query, key]: the locked key if there is one.
  token() {
    const lock = this.host.state.lock;
    return lock ? (lock.k >= 0 ? [-1, lock.k] : [lock.q, -1]) : [-1, -1];
  }

  hidden(token) {
    return this.able() && this.changes.hide.includes(this.origin(token));
  }

  silent(layer, head) {
    return this.able() && this.changes.ablate.some(([l, h]) => l === layer + this.host.map.first && h === head);
  }

  toggleHidden(token) {
    const at = this.origin(token);
    if (!this.able() || at < 0) return;
    const { hide } = this.changes;
    this.send({ ...this.changes, hide: hide.includes(at) ? hide.filter((x) => x !== at) : [...hide, at] });
  }

  swap(text) {
    const at = this.origin(this.token());
    if (at < 0 || !text) return;
    this.root.querySelector(".av-swap input").value = "";
    this.send({ ...this.changes, swap: { ...this.changes.swap, [at]: text } });
  }

  toggleHead(layer, head) {
    if (!this.able()) return;
    const heads = head >= 0 ? [head] : Array.from({ length: this.host.map.heads }, (_, h) => h);
    const on = heads.every((h) => this.silent(layer, h));
    const number = layer + this.host.map.first;
    const others = this.changes.ablate.filter(([l, h]) => l !== number || !heads.includes(h));
    this.send({ ...this.changes, ablate: on ? others : [...others, ...heads.map((h) => [number, h])] });
  }

  send(changes) {
    this.changes = changes;
    this.root.setAttribute("aria-busy", "true");
    this.show();
    this.trigger("intervene", { changes: JSON.stringify(changes) });
  }

  show() {
    this.root.hidden = !this.able();
    if (!this.able()) return;
    const { state, map } = this.host;
    const find = (name) => this.root.querySelector(name);
    const all = state.head < 0;
    const heads = all ? Array.from({ length: map.heads }, (_, h) => h) : [state.head];
    const on = heads.every((h) => this.silent(state.layer, h));
    find(".av-silence").textContent = `${on ? "Restore" : "Silence"} ${all ? `layer ${state.layer + 1}` : `head ${state.head + 1}`}`;
    const [q, k] = this.token();
    const none = q < 0 && k < 0;
    const word = none ? "a locked token" : `“${shown((q >= 0 ? map.queries.tokens[q] : map.keys.tokens[k]) || "")}”`;
    find(".av-hide").textContent = `${!none && this.hidden([q, k]) ? "Show" : "Hide"} ${word}`;
    find(".av-hide").disabled = none;
    find(".av-swap input").disabled = none;
    find(".av-swap").hidden = Boolean(map.queries.grid); // no text stands for a patch
    find(".av-swap input").placeholder = !none ? `swap ${word} for…` : "lock a token to swap it";
    const { hide, swap, ablate } = this.changes;
    const count = hide.length + Object.keys(swap).length + ablate.length;
    find(".av-undo").disabled = !count;
    find(".av-undo").textContent = count ? `Undo ${count} change${count > 1 ? "s" : ""}` : "Undo";
  }
}
