// Unpacks the data, makes the tabs, and keeps the theme.
"use strict";

let DATA;

// The text that page/build.py packed into the element with this id.
async function unpacked(id) {
  const bytes = decodeBase64(document.getElementById(id).textContent.trim());
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

// Vega-Lite, once a chart is to be drawn.
let library = null;

function loadLibrary() {
  library ??= unpacked("library").then((code) => document.head.append(element("script", {}, `{${code}}`)));
  return library;
}

function tabsOf(data) {
  const { ask = [], prompt = [], facts = [] } = data.tabs, tabs = [];
  if (ask.length) tabs.push(["Ask both", () => askTab(ask, exampleOf(ask[0]))]);
  if (prompt.length) tabs.push(["Facts in the prompt", () => promptTab(prompt[0])]);
  if (facts.length) tabs.push(["Real facts", () => askTab(facts, exampleOf(facts[0]))]);
  if (ask.some((run) => run.steps.length > 1)) tabs.push(["When it came", () => timeTab(ask)]);
  if (data.charts.length) tabs.push(["What was found", () => chartsTab(data.charts)]);
  return tabs;
}

// The first held-out question that a causal model can be asked, as in `make ask`.
function exampleOf(run) {
  const held = knowledgeOf(run.world).heldOut;
  const found = held.find(({ asked }) => asked[0] !== null) ?? held[0];
  return statementText(DATA.worlds[run.world], found.asked);
}

function showTabs(tabs) {
  const list = document.getElementById("tabs"), main = document.getElementById("main");
  const buttons = tabs.map(([title, make], i) => element("button", { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": "main",
    onclick: () => choose(i) }, title));
  const made = new Map();

  function choose(i) {
    buttons.forEach((button, k) => { button.setAttribute("aria-selected", k === i); button.tabIndex = k === i ? 0 : -1; });
    if (!made.has(i)) made.set(i, tabs[i][1]());
    main.setAttribute("role", "tabpanel");
    main.setAttribute("aria-labelledby", `tab-${i}`);
    main.replaceChildren(made.get(i));
  }

  list.append(...buttons);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[next].focus();
    choose(next);
  });
  document.getElementById("theme").addEventListener("click", () => {
    setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    for (const i of made.keys()) if (tabs[i][0] === "What was found") made.delete(i); // charts take their colours when drawn
    choose(buttons.findIndex((button) => button.getAttribute("aria-selected") === "true"));
  });
  choose(0);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

async function start() {
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  try {
    DATA = JSON.parse(await unpacked("data"));
    showTabs(tabsOf(DATA));
    document.body.dataset.ready = Math.round(performance.now());
  } catch (error) {
    document.getElementById("main").replaceChildren(element("p", {}, `This page could not be unpacked: ${error.message}`));
    throw error;
  }
}

start();
