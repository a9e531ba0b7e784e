// Every table of results as a chart.
"use strict";

function chartsTab(charts) {
  const box = element("div", { class: "charts" });
  for (const chart of charts) {
    const place = element("div"), published = chart.published.map((source) => element("p", { class: "note" }, `◇ published: ${source}`));
    box.append(element("section", { class: "chart" }, element("h2", {}, chart.title), element("p", {}, chart.claim),
      element("p", { class: "note" }, `${chart.basis}. Every seed a point, bar: mean, dashes: elimination baseline.`), ...published, place));
    loadLibrary().then(() => drawChart(place, chart.spec));
  }
  return box;
}

// On a phone, one panel below the other, each as wide as its place.
function fitted(spec, width) {
  if (width >= 900) return spec;
  const { axis } = spec.spec.layer[0].encoding.y;
  axis.labelLimit = Math.min(axis.labelLimit, width * 0.36);
  return { ...spec, columns: 1, spec: { ...spec.spec, width: width * 0.5 } };
}

function drawChart(place, given) {
  const spec = fitted(structuredClone(given), place.clientWidth), style = getComputedStyle(document.documentElement);
  const [ink, line, ...models] = ["--ink", "--line", "--causal", "--masked", "--other"].map((name) => style.getPropertyValue(name).trim());
  for (const { encoding } of spec.spec.layer) if (encoding.color) encoding.color.scale.range = models;
  const axis = { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 13, titleFontSize: 13 };
  const config = { background: null, axis, header: { labelColor: ink, labelFontSize: 15, labelFontWeight: 600 }, view: { stroke: line },
    font: getComputedStyle(document.body).fontFamily };
  vegaEmbed(place, { ...spec, config }, { actions: false, renderer: "svg" });
}
