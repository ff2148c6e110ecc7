"use strict";
(() => {
  const root = document.documentElement;
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const coarse = matchMedia("(pointer: coarse)").matches;
  const narrow = matchMedia("(max-width: 640px)");

  // Colours in figures are names of the page's own; they are looked up each time the page changes its dress.
  const paint = (value, look) => {
    if (typeof value === "string") {
      const name = /^var\((--[a-z-]+)\)$/.exec(value);
      return name ? look.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((v) => paint(v, look));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, paint(v, look)]));
    return value;
  };

  const layoutOf = (figure, look) => {
    const color = (name) => look.getPropertyValue(name).trim();
    const axis = { gridcolor: color("--line"), zerolinecolor: color("--soft"), zerolinewidth: 1, linecolor: color("--line"), automargin: true, fixedrange: coarse };
    const own = paint(figure.layout, look);
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 11 : 12.5, color: color("--soft") },
      margin: { l: 8, r: 22, t: 30, b: 8 },
      hoverlabel: { bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--ink") } },
      legend: { orientation: "h", x: 1, xanchor: "right", y: 1.01, yanchor: "bottom" },
      dragmode: coarse ? false : "zoom",
      showlegend: false,
      ...own,
    };
    for (const key of Object.keys(layout)) if (/^[xy]axis/.test(key)) layout[key] = { ...axis, ...layout[key] };
    for (const note of layout.annotations || []) note.font = { color: color("--ink") };
    return layout;
  };

  // A chart in a closed fold may have no width yet: it is drawn when the fold opens.
  const folded = (place) => place.closest("details:not([open])");
  const draw = () => {
    const look = getComputedStyle(root);
    for (const [id, figure] of Object.entries(figures)) {
      const place = document.getElementById("chart-" + id);
      if (folded(place)) continue;
      Plotly.react(place, paint(figure.data, look), layoutOf(figure, look), { responsive: true, displayModeBar: false, displaylogo: false });
    }
  };

  if (Object.keys(figures).length) {
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    narrow.addEventListener("change", draw);
    const folds = [...document.querySelectorAll("details")];
    for (const fold of folds) fold.addEventListener("toggle", () => { if (fold.open && fold.querySelector(".chart")) draw(); });
    let open = new Set();
    const onPaper = (yes) => {
      if (yes) open = new Set(folds.filter((fold) => fold.open));
      for (const fold of folds) fold.open = yes || open.has(fold);
      root.classList.toggle("paper", yes);
      draw();
      for (const place of document.querySelectorAll(".chart")) if (!folded(place)) Plotly.Plots.resize(place);
    };
    addEventListener("beforeprint", () => onPaper(true));
    addEventListener("afterprint", () => onPaper(false));
  }

  // One tooltip for all terms: beside the term on a wide screen, a sheet at the foot of a narrow one (by style).
  const tip = document.getElementById("tip");
  const show = (term) => {
    tip.textContent = term.dataset.tip;
    tip.hidden = false;
    const box = term.getBoundingClientRect();
    const left = Math.min(Math.max(12, box.left), innerWidth - tip.offsetWidth - 12);
    const above = box.bottom + tip.offsetHeight + 16 > innerHeight;
    tip.style.setProperty("--left", left + "px");
    tip.style.setProperty("--top", (above ? box.top - tip.offsetHeight - 8 : box.bottom + 8) + "px");
  };
  const hide = () => { tip.hidden = true; };
  for (const term of document.querySelectorAll(".term")) {
    term.addEventListener("mouseenter", () => show(term));
    term.addEventListener("mouseleave", hide);
    term.addEventListener("focus", () => show(term));
    term.addEventListener("blur", hide);
    term.addEventListener("click", () => show(term));
  }
  addEventListener("scroll", hide, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
})();
