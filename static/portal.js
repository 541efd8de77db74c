// What HTML cannot do by itself. Every page works without this file; with it menus close, lists obey the keyboard,
// the live mark tells the truth, and charts are drawn after the first paint.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
  const typing = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select");

  // Menus: one open at a time; Escape and a click elsewhere close, arrows walk.
  const openMenus = () => all("details[data-menu][open]");
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("[data-menu][open]")) return;
    openMenus().forEach((menu) => { if (menu !== event.target && !menu.contains(event.target)) menu.open = false; });
    // A panel that would leave the window hangs from its other side.
    const panel = event.target.querySelector(".menu-panel");
    if (getComputedStyle(panel).position === "absolute" && panel.getBoundingClientRect().right > innerWidth - 8) event.target.classList.add("menu-right");
  }, true);
  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  const walkMenu = (event, menu) => {
    const items = all("a, button, input", menu).filter((item) => item.offsetParent);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || typing(event.target) || !items.length) return;
    event.preventDefault();
    menu.open = true;
    const at = items.indexOf(document.activeElement);
    items.at((at < 0 ? (step > 0 ? 0 : -1) : at + step) % items.length).focus();
  };

  // Lists: j and k move, Enter opens, Escape closes what was opened. Keys by place, so that any layout does.
  const choose = (row) => {
    all("[data-row][aria-current]", row.closest("[data-list]")).forEach((other) => other.removeAttribute("aria-current"));
    row.setAttribute("aria-current", "true");
  };
  const moveInList = (step) => {
    const rows = all("[data-list] [data-row]");
    const at = rows.findIndex((row) => row.contains(document.activeElement) || row.matches("[aria-current=true]"));
    const row = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
    if (!row) return;
    choose(row);
    row.querySelector("[data-open]")?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row || String(getSelection())) return;
    const link = row.querySelector("[data-open]");
    if (link?.hasAttribute("hx-get") && link.contains(event.target)) choose(row);
    if (!event.target.closest("a, button, input, label, summary")) link?.click();
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[data-menu]");
    if (event.key === "Escape") {
      const open = openMenus().pop();
      if (open) { open.open = false; open.querySelector("summary").focus(); return; }
      if (!typing(event.target) && !document.querySelector("dialog[open]")) document.querySelector("[data-escape]")?.click();
      return;
    }
    if (menu) return walkMenu(event, menu);
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "KeyJ") moveInList(1);
    if (event.code === "KeyK") moveInList(-1);
    if (event.code === "Slash") {
      const field = event.shiftKey ? document.getElementById("keys") : document.querySelector("[data-search]");
      if (field) { event.preventDefault(); field.showModal ? field.showModal() : field.select(); }
    }
  });

  // Buttons that need no server.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { ask, copied } = button.dataset;
    if ("navToggle" in button.dataset) {
      const narrow = root.dataset.nav !== "narrow";
      root.dataset.nav = narrow ? "narrow" : "wide";
      document.cookie = `nav=${root.dataset.nav};path=/;max-age=31536000;samesite=lax`;
      button.setAttribute("aria-expanded", String(!narrow));
      dispatchEvent(new Event("resize"));
    }
    if ("peek" in button.dataset) {
      const field = button.parentElement.querySelector("input");
      field.type = field.type === "password" ? "text" : "password";
      button.setAttribute("aria-pressed", String(field.type === "text"));
    }
    if (ask) document.getElementById(ask)?.showModal();
    if ("askClose" in button.dataset) button.closest("dialog").close();
    if ("print" in button.dataset) print();
    if (copied) navigator.clipboard?.writeText(location.href).then(() => toast(copied));
  });

  // The theme changes at once; the server remembers it behind.
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-theme-form]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const theme = event.submitter.value;
    if (theme === "auto") delete root.dataset.bsTheme; else root.dataset.bsTheme = theme;
    all("[data-theme-form] button").forEach((button) => button.toggleAttribute("aria-current", button.value === theme));
    all("[data-theme-form] [aria-current]").forEach((button) => button.setAttribute("aria-current", "true"));
    const menu = form.closest(".menu");
    const picture = event.submitter.querySelector("use").getAttribute("href");
    if (menu.querySelectorAll("form").length === 1) menu.querySelector("summary use").setAttribute("href", picture);
    menu.open = false;
    menu.querySelector("summary").focus();
    fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), redirect: "manual" });
    window.kassaCharts?.redraw();
  });

  // Toasts say what went well, for four seconds.
  const fadeToast = (line) => setTimeout(() => { line.classList.add("going"); setTimeout(() => line.remove(), 300); }, 4000);
  const toast = (text) => {
    const line = document.createElement("div");
    line.className = "toast-line";
    line.textContent = text;
    document.getElementById("toasts").append(line);
    fadeToast(line);
  };
  document.addEventListener("toast", (event) => toast(event.detail.value));

  // The live mark: how old is what is on the page, and whether the portal still answers.
  let seen = Date.now();
  let lost = false;
  const tick = () => {
    const mark = document.querySelector("[data-live]");
    if (!mark) return;
    mark.hidden = !document.querySelector("[data-live-source]");
    const age = Math.round((Date.now() - seen) / 1000);
    const time = new Date(seen).toTimeString().slice(0, 5);
    const { fresh, seconds, minutes, lost: gone } = mark.dataset;
    mark.dataset.state = lost ? "lost" : "live";
    const words = lost ? gone.replace("{}", time)
      : age < 2 ? fresh : age < 90 ? seconds.replace("{}", age) : minutes.replace("{}", Math.round(age / 60));
    if (mark.firstElementChild.textContent !== words) mark.firstElementChild.textContent = words;
  };

  // HTMX: our token on what changes things, errors beside what caused them, changed figures fade.
  let before = null;
  const figures = () => new Map(all("[data-figure]").map((item) => [item.dataset.figure, item.textContent]));
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.verb !== "get") detail.headers["X-CSRFToken"] = meta("csrf-token");
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    // Not detail.elt: when the answer has taken the asker's place, HTMX names what is around it instead.
    if (detail.requestConfig.elt.closest("[data-live-source]")) {
      lost = !detail.successful && detail.xhr.status !== 422;
      if (!lost) seen = Date.now();
      return tick();
    }
    document.getElementById("problem")?.remove();
    if (detail.successful || detail.xhr.status === 422) return;
    const box = document.createElement("div");
    box.id = "problem";
    box.setAttribute("role", "alert");
    if (detail.xhr.status && detail.xhr.responseText) box.innerHTML = detail.xhr.responseText;
    else { box.className = "note note-bad"; box.append(Object.assign(document.createElement("p"), { textContent: document.body.dataset.offline })); }
    (detail.target?.isConnected && detail.target !== document.body ? detail.target : document.getElementById("main")).before(box);
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const live = detail.requestConfig.elt.closest("[data-live-source]");
    before = {
      figures: live && figures(),
      rows: live && new Set(all("[data-row][id]").map((row) => row.id)),
      open: openMenus().map((menu) => menu.id).filter(Boolean),
      current: document.querySelector("[data-row][aria-current]")?.id,
    };
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (before) {
      const { figures: old, rows, open, current } = before;
      before = null;
      open.forEach((id) => { const menu = document.getElementById(id); if (menu) menu.open = true; });
      if (current && !document.querySelector("[data-row][aria-current]")) document.getElementById(current)?.setAttribute("aria-current", "true");
      if (old) all("[data-figure]").forEach((item) => {
        if (old.has(item.dataset.figure) && old.get(item.dataset.figure) !== item.textContent) item.classList.add("changed");
      });
      if (rows?.size) all("[data-row][id]").forEach((row) => { if (!rows.has(row.id)) row.classList.add("fresh"); });
    }
    showHalf();
    plotLater();
  });
  // Where there is room for one half only, an open document takes the place of its list, which keeps its place.
  let listAt = 0;
  const showHalf = () => {
    const split = document.querySelector(".split:has(.split-main)");
    if (!split) return;
    const open = !!split.querySelector(".split-side .tape");
    if (open === split.hasAttribute("data-open")) return;
    if (open) listAt = scrollY;
    split.toggleAttribute("data-open", open);
    if (getComputedStyle(split).gridTemplateColumns.split(" ").length === 1) scrollTo(0, open ? 0 : listAt);
  };
  document.addEventListener("animationend", (event) => event.target.classList.remove("changed", "fresh"));

  // Charts come in a file of their own, after the first paint, where there is one to draw.
  let charts = null;
  const plotAll = () => {
    if (!document.querySelector(".chart-plot:not([data-drawn], [data-drawing])")) return;
    charts ??= new Promise((done) => {
      document.head.append(Object.assign(document.createElement("script"), { src: meta("charts"), onload: done }));
    });
    charts.then(() => window.kassaCharts.draw());
  };
  const plotLater = () => (window.requestIdleCallback ?? setTimeout)(plotAll);
  all("[data-toast]").forEach(fadeToast);
  tick();
  setInterval(tick, 1000);
  if (document.readyState === "complete") plotLater(); else addEventListener("load", plotLater);
})();
