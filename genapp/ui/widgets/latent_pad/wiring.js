// Which button does what, and what the pad listens to around itself.

function listenToControls(widget) {
  const click = (selector, action) => widget.find(selector).addEventListener("click", action);
  for (const button of widget.root.querySelectorAll("[data-ground]")) {
    button.addEventListener("click", () => widget.setGround(button.dataset.ground));
  }
  click(".lp-tour", () => widget.toggleTour());
  click(".lp-dice", () => widget.random());
  click(".lp-zero", () => widget.zero());
  click(".lp-undo", () => widget.undo(true));
  click(".lp-redo", () => widget.undo(false));
  click(".lp-set-a", () => widget.setEnd("A"));
  click(".lp-set-b", () => widget.setEnd("B"));
  click(".lp-clear", () => widget.sketch.clear());
  click(".lp-link", () => takeLink(widget));
  click(".lp-png", () => savePng(widget));
  click(".lp-snippet", () => takePython(widget));
  click(".lp-smooth", () => setSmooth(widget, !widget.smooth));
  const alpha = widget.find(".lp-alpha");
  alpha.addEventListener("pointerdown", () => widget.grab());
  alpha.addEventListener("input", (event) => widget.morph(Number(alpha.value), event));
  widget.find(".lp-t").addEventListener("input", (event) => {
    widget.find(".lp-t-value").textContent = Number(event.target.value).toFixed(2);
  });
  widget.find(".lp-upload").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) widget.upload(file);
  });
}

// The first touch, and the page's change between light and dark.
function listenAround(widget) {
  for (const name of ["pointerdown", "keydown", "wheel", "input"]) {
    const options = { capture: true, passive: true };
    widget.root.addEventListener(name, (event) => touched(widget, event), options);
  }
  const themes = new MutationObserver(() => {
    if (!widget.root.isConnected) {
      themes.disconnect();
      widget.close();
      return;
    }
    widget.readInk();
    for (const pad of widget.pads) pad.reink();
    widget.sketch.reink();
  });
  for (const element of [document.documentElement, document.body]) {
    themes.observe(element, { attributes: true, attributeFilter: ["class"] });
  }
}

// Any touch ends the tour, unless it is on the tour's own button or only moves the focus.
function touched(widget, event) {
  if (!widget.u || event.target.closest(".lp-tour")) return;
  if (event.key === "Tab" || event.key === "Shift") return;
  widget.stopTour();
  const undoing = event.type === "keydown" && (event.ctrlKey || event.metaKey) && event.key === "z";
  if (undoing && !event.target.matches("input[type=text]")) widget.undo(!event.shiftKey);
}

function setSmooth(widget, smooth) {
  widget.smooth = smooth;
  widget.root.classList.toggle("lp-is-smooth", smooth);
  widget.find(".lp-smooth").setAttribute("aria-pressed", String(smooth));
}

async function takeLink(widget) {
  const link = writeLink(widget);
  if (await copy(link)) widget.say("Link copied.");
  else reveal(widget, link, false);
}

async function takePython(widget) {
  const shown = widget.find(".lp-snippet").getAttribute("aria-expanded") === "true";
  const code = shown ? "" : python(widget);
  reveal(widget, code, !shown);
  if (code && (await copy(code))) widget.say("Code copied.");
}

function reveal(widget, text, isPython) {
  widget.find(".lp-python").textContent = text;
  widget.find(".lp-python").hidden = !text;
  widget.find(".lp-snippet").setAttribute("aria-expanded", String(isPython));
}
