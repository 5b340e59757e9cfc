// The sheet: the latent pad's Sketch, a shelf, and 784 bytes of base64 as the component's value.

class DigitCanvas {
  constructor(element, props, server, trigger) {
    Object.assign(this, { element, props, server, trigger });
    this.root = element.querySelector(".dc");
    this.sheet = this.find(".dc-sheet");
    this.taken = null; // the shelf picture on the sheet, until somebody draws
    this.wait = 0;
    this.sheet.addEventListener("pointerdown", () => this.begin(), { capture: true });
    this.sketch = new Sketch(this.sheet, () => this.drawn());
    this.find(".dc-clear").addEventListener("click", () => this.clear());
    this.find(".dc-upload").addEventListener("change", (event) => this.upload(event));
    this.themes = new MutationObserver(() => this.reink());
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  async open() {
    const reply = await this.server.pictures(null).catch(() => ({ error: "The shelf is out of reach — draw a digit." }));
    if (reply.error) return this.say(reply.error, true);
    this.pictures = reply.pictures.map((p) => ({ ...p, bytes: bytesOf(p.grey) }));
    for (const group of new Set(this.pictures.map((p) => p.group))) this.stack(group);
    this.paintShelf();
    if (this.element.dataset.state !== "drawn") this.take(this.pictures[this.props.start]);
    this.element.dataset.state = "ready";
  }

  stack(group) {
    const holder = document.createElement("div");
    holder.className = "dc-group";
    holder.innerHTML = "<p></p><div></div>";
    holder.querySelector("p").textContent = group;
    for (const picture of this.pictures.filter((p) => p.group === group)) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = picture.name;
      button.setAttribute("aria-label", `Take ${picture.name}`);
      button.append(document.createElement("canvas"));
      button.addEventListener("click", () => this.take(picture));
      picture.button = button;
      holder.querySelector("div").append(button);
    }
    this.find(".dc-shelf").append(holder);
  }

  paintShelf() {
    const table = inkTable(inkOf(this.root));
    for (const { button, bytes } of this.pictures || []) {
      new Picture(button.firstChild).paint(bytes, [1, 28, 28], 0, table);
    }
  }

  // A shelf picture: shown large, and passed on byte for byte.
  take(picture) {
    this.taken = picture;
    this.showTaken();
    this.mark(picture);
    this.say(picture.name);
    this.send(picture.bytes);
  }

  showTaken() {
    const small = document.createElement("canvas");
    new Picture(small).paint(this.taken.bytes, [1, 28, 28], 0, inkTable(inkOf(this.root)));
    const context = this.sketch.context;
    context.clearRect(0, 0, SHEET, SHEET);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, SHEET, SHEET);
  }

  mark(picture) {
    for (const each of this.pictures || []) each.button.setAttribute("aria-pressed", String(each === picture));
  }

  // The first stroke over a shelf picture starts a new drawing.
  begin() {
    if (this.taken) this.sketch.context.clearRect(0, 0, SHEET, SHEET);
    this.taken = null;
    this.mark(null);
    this.element.dataset.state = "drawn";
  }

  clear() {
    this.begin();
    this.sketch.clear();
    this.say("Draw a digit");
  }

  async upload(event) {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      this.begin();
      await this.sketch.upload(file);
      this.say(file.name);
    } catch (error) {
      this.say(error.message, true);
    }
  }

  drawn() {
    const grey = this.sketch.pixels();
    this.say(grey ? "Your drawing" : "Draw a digit");
    this.send(grey ? Uint8Array.from(grey, Math.round) : null);
  }

  // At most one message every 40 ms; the last one always goes.
  send(bytes) {
    this.next = bytes;
    if (this.wait) return;
    this.wait = setTimeout(() => {
      this.wait = 0;
      this.props.value = this.next ? btoa(String.fromCharCode(...this.next)) : "";
      this.trigger("input");
    }, 40);
  }

  say(words, bad = false) {
    const line = this.find(".dc-words");
    line.textContent = words;
    line.classList.toggle("bad", bad);
  }

  reink() {
    this.paintShelf();
    if (this.taken) this.showTaken();
    else recolour(this.sketch.context, inkOf(this.root));
  }
}

// Strokes in the other theme's ink.
function recolour(context, [r, g, b]) {
  const image = context.getImageData(0, 0, SHEET, SHEET);
  for (let i = 0; i < image.data.length; i += 4) image.data.set([r, g, b], i);
  context.putImageData(image, 0, 0);
}

function openDigitCanvas(element, props, server, trigger) {
  element.digitCanvas = new DigitCanvas(element, props, server, trigger);
  element.digitCanvas.open();
}
