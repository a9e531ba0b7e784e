// Loaded before TensorBoard's own page. It opens on Custom Scalars, shows curves as they are, colours the projector by
// kind, and moves while a run trains: TensorBoard's own reload takes 30 seconds, and a run little more.
// What a person has set in TensorBoard stays, but for smoothing: it makes another curve of ten evaluations.
"use strict";
(() => {
  const SECONDS = 5;
  const MOVING = /^#(custom_scalars|timeseries|scalars)/;
  const SETTINGS = "_tb_global_settings";

  const shown = { ignoreOutliers: false, timeSeriesSettingsPaneOpened: false, stepSelectorEnabled: false };
  const chosen = JSON.parse(localStorage.getItem(SETTINGS) || "{}");
  localStorage.setItem(SETTINGS, JSON.stringify({ ...shown, ...chosen, scalarSmoothing: 0 }));
  if (localStorage.getItem("_ignoreYOutliers") === null) localStorage.setItem("_ignoreYOutliers", "false");
  const tab = location.hash || "#custom_scalars";
  if (!tab.includes("_smoothingWeight")) location.replace(`${tab}&_smoothingWeight=0`);

  const coloured = new WeakSet();
  const inside = (element, name) => element?.shadowRoot?.querySelector(name);
  function colourByKind() {
    const dashboard = window[0]?.[0]?.document.querySelector("vz-projector-dashboard");
    const panel = inside(inside(dashboard, "vz-projector"), "vz-projector-data-panel");
    if (!panel || coloured.has(panel) || !panel.colorOptions?.some(({ name }) => name === "kind")) return;
    coloured.add(panel); // once: a person may choose another colour
    panel.selectedColorOptionName = "kind";
  }

  setInterval(() => {
    if (document.hidden) return;
    if (MOVING.test(location.hash)) document.querySelector("app-header-reload button")?.click();
    if (location.hash.startsWith("#projector")) colourByKind();
  }, 1000 * SECONDS);
})();
