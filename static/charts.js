// Charts: figures come from the server as plain data; colours are asked by role here, so that they follow the theme.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];
  let plotly = null;
  const colour = (name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(--${name})`;
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };
  const pale = (rgb) => rgb.replace("rgb(", "rgba(").replace(")", ", 0.12)");
  const merge = (base, over) => {
    for (const [key, value] of Object.entries(over ?? {})) {
      base[key] = value && typeof value === "object" && !Array.isArray(value) ? merge({ ...base[key] }, value) : value;
    }
    return base;
  };
  const dressed = ({ data, layout }, narrow) => {
    const quiet = colour("ink-3");
    const axis = { gridcolor: colour("line"), linecolor: colour("line-strong"), zeroline: false, fixedrange: true, automargin: true, tickcolor: colour("line-strong") };
    const skin = {
      font: { family: "Inter, sans-serif", size: 12, color: quiet }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 4, r: 4, t: 8, b: 4 }, showlegend: false, dragmode: false, hovermode: "x unified", bargap: 0.28, barcornerradius: 3,
      separators: root.lang === "en" ? ".\u202f" : ",\u202f", hoverdistance: 40,
      hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line-strong"), font: { family: "Inter, sans-serif", size: 12, color: colour("ink") }, namelength: -1 },
      xaxis: { ...axis, showgrid: false, ticks: "", ticklabelstandoff: 4, spikecolor: quiet, spikethickness: 1, spikedash: "solid" }, yaxis: { ...axis, ticks: "", showline: false, ticklabelstandoff: 6, rangemode: "tozero" },
    };
    const traces = data.map((trace) => {
      const { series, role } = trace.meta ?? {};
      if (series === undefined) return trace;
      const hue = colour(`series-${series}`);
      if (trace.type === "bar") return merge({ marker: { color: role === "before" ? pale(hue) : hue, line: { width: 0 } } }, trace);
      const line = role === "before" ? { color: hue, width: 1, dash: "4px,3px" } : { color: hue, width: 2 };
      return merge({ cliponaxis: false, line, marker: { color: hue, size: 6 }, fillcolor: pale(hue) }, trace);
    });
    // Two lines under a narrow chart, so that neighbours do not touch.
    if (narrow) traces.forEach((trace) => { trace.x = trace.x?.map((x) => (typeof x === "string" ? x.replace(" ", "<br>") : x)); });
    const annotations = layout?.annotations?.map((note) => merge({ font: { color: note.name?.startsWith("series-") ? colour(note.name) : quiet } }, note));
    return { data: traces, layout: merge(skin, annotations ? { ...layout, annotations } : layout) };
  };
  const draw = async (place) => {
    const inline = document.querySelector(`script[data-figure-for="${place.id}"]`);
    const figure = place.figure ?? (inline ? JSON.parse(inline.textContent) : await (await fetch(place.dataset.figureUrl, { headers: { Accept: "application/json" } })).json());
    const first = !place.figure;
    place.figure = figure;
    const { data, layout } = dressed(structuredClone(figure), place.clientWidth < 520);
    await (first ? Plotly.newPlot : Plotly.react)(place, data, layout, { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false });
    place.dataset.drawn = "";
    if (first) place.on("plotly_click", ({ points }) => {
      const address = points.map((point) => [point.customdata].flat()[0]).find((value) => typeof value === "string" && value.startsWith("/"));
      if (address) location.assign(address);
    });
  };
  const redraw = () => all(".chart-plot[data-drawn]").forEach(draw);
  const load = () => plotly ??= new Promise((done, failed) => {
    // Plotly looks for this element and then adds no style of its own; portal.css has what it needs.
    document.head.append(Object.assign(document.createElement("meta"), { id: "plotly.js-style-global", className: "no-inline-styles" }));
    document.head.append(Object.assign(document.createElement("script"), { src: document.querySelector("meta[name=plotly]").content, onload: done, onerror: failed }));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.kassaCharts = {
    redraw,
    async draw() {
      const places = all(".chart-plot:not([data-drawn], [data-drawing])");
      places.forEach((place) => { place.dataset.drawing = ""; });
      await load();
      places.forEach(draw);
    },
  };
})();
