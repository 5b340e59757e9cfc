// A panel's small services: saving a picture as PNG, a lens over a mosaic, a map that decodes where
// it is pressed. Events are delegated, so they outlive every new drawing.

function ink(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  return canvas;
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-save]");
  if (!button) return;
  const image = button.closest(".ae-card").querySelector("img[data-main]");
  if (!image) return;
  const link = document.createElement("a");
  link.href = ink(image).toDataURL("image/png");
  link.download = button.dataset.save;
  link.click();
});

// The tile under the pointer, four times as large.
element.addEventListener("pointermove", (event) => {
  const image = event.target.closest("img[data-cells]");
  const lens = image && image.parentElement.querySelector(".ae-eye");
  for (const each of element.querySelectorAll(".ae-eye")) if (each !== lens) each.hidden = true;
  if (!lens) return;
  const box = image.getBoundingClientRect();
  const cells = Number(image.dataset.cells);
  const cell = (at, size) => Math.min(cells - 1, Math.max(0, Math.floor((at / size) * cells)));
  const column = cell(event.clientX - box.left, box.width);
  const row = cell(event.clientY - box.top, box.height);
  lens.hidden = false;
  lens.style.backgroundImage = `url(${image.src})`;
  lens.style.backgroundSize = `${cells * 100}%`;
  lens.style.backgroundPosition = `${(column / (cells - 1)) * 100}% ${(row / (cells - 1)) * 100}%`;
  const left = event.clientX - box.left > box.width / 2;
  lens.style.left = left ? "8px" : "auto";
  lens.style.right = left ? "auto" : "8px";
});
element.addEventListener("pointerleave", () => {
  for (const each of element.querySelectorAll(".ae-eye")) each.hidden = true;
});

// A press on a map of codes: the picture beside it becomes what the decoder draws there.
element.addEventListener("click", async (event) => {
  const map = event.target.closest("[data-press]");
  if (!map) return;
  const about = JSON.parse(map.dataset.press);
  const box = map.querySelector("svg").getBoundingClientRect();
  const px = ((event.clientX - box.left) / box.width) * about.width;
  const py = ((event.clientY - box.top) / box.height) * about.height;
  const along = (share, [low, high]) => low + Math.min(1, Math.max(0, share)) * (high - low);
  const x = along((px - about.left) / (about.width - about.left - about.right), about.x);
  const down = (py - about.top) / (about.height - about.top - about.bottom);
  const y = along(1 - down, about.y);
  const spot = map.querySelector(".spot");
  spot.setAttribute("cx", px);
  spot.setAttribute("cy", py);
  const around = map.parentElement;
  const words = around.querySelector("output");
  try {
    const reply = await window.genapp.live("autoencoders", about.checkpoint).call("decode", [x, y], 2);
    around.querySelector("img").src = inked(reply.data, 28);
    words.textContent = `${x.toFixed(2)}, ${y.toFixed(2)}`;
  } catch (error) {
    words.textContent = error.message;
  }
});

// Grey values as black ink of that opacity, a data URI.
function inked(grey, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  for (let k = 0; k < side * side; k++) image.data.set([38, 37, 36, grey[k]], 4 * k);
  context.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
}
