// Loaded on every page: the query string as memory, and the light/dark switch.
(() => {
  const genapp = (window.genapp = window.genapp || {});

  genapp.url = {
    get: (key) => new URLSearchParams(location.search).get(key),
    set(key, value, unless = null) {
      const query = new URLSearchParams(location.search);
      if (value === null || value === undefined || value === unless) query.delete(key);
      else query.set(key, String(value));
      const text = query.toString();
      history.replaceState(history.state, "", location.pathname + (text ? "?" + text : ""));
    },
  };

  // Opens the tab a link names; on a narrow page it may sit in the menu of tabs that don't fit.
  // The link is read now: the first tab selects itself while the page is built, and says so in it.
  const wanted = genapp.url.get("tab");
  genapp.openTab = (titles) => {
    const title = titles[wanted];
    const buttons = [...document.querySelectorAll(".tabs button")];
    const shown = buttons.filter((b) => !b.closest(".visually-hidden"));
    shown.find((b) => b.textContent.trim() === title)?.click();
  };

  const stored = localStorage.getItem("genapp.theme");
  const dark = () =>
    stored ? stored === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const apply = (isDark) => document.body.classList.toggle("dark", isDark);
  const start = () => apply(genapp.url.get("__theme") ? genapp.url.get("__theme") === "dark" : dark());
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const next = !document.body.classList.contains("dark");
    localStorage.setItem("genapp.theme", next ? "dark" : "light");
    apply(next);
  });
})();
