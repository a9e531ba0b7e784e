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

function drawChart(place, spec) {
  const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue("--ink").trim();
  const line = style.getPropertyValue("--line").trim();
  const axis = { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 13, titleFontSize: 13 };
  const config = { background: null, axis, header: { labelColor: ink, labelFontSize: 15, labelFontWeight: 600 }, view: { stroke: line },
    font: getComputedStyle(document.body).fontFamily };
  vegaEmbed(place, { ...spec, config }, { actions: false, renderer: "svg" });
}
