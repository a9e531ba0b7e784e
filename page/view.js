// Elements and drawings. Names come from users' tables, so all text is set as text, never as markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const TITLES = { causal: "causal", masked: "bidirectional" };

// element("p", { class: "note", onclick: f }, "text", child, …)
function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function drawing(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

function percent(share) {
  return `${(100 * share).toFixed(share > 0.995 || share === 0 ? 0 : 1)} %`;
}

// A statement of a world as nodes, its open entity as a line to fill in.
function statementNodes(world, [source, relation, target]) {
  const name = (entity) => (entity === null ? element("span", { class: "open", title: "open" }, "\u00a0") :
    element("bdi", {}, world.entities[entity].name));
  return [name(source), ` ${world.relations[relation].word} `, name(target)];
}

function statementText(world, [source, relation, target]) {
  const name = (entity) => (entity === null ? "___" : world.entities[entity].name);
  return `${name(source)} ${world.relations[relation].word} ${name(target)}`;
}

// Five answers: name, bar, share. The accepted ones are marked.
function bars(world, answers, accepted, show) {
  const box = element("div", { class: "bars" });
  for (const { entity, probability } of answers) {
    const right = accepted.includes(entity);
    const name = element("bdi", { class: right ? "accepted" : "", title: right ? "right" : null }, world.entities[entity].name);
    const bar = element("div", { class: "bar", style: `width: ${100 * probability}%` });
    box.append(name, element("div", { class: "track" }, bar), element("div", { class: "share" }, show ? show(probability) : percent(probability)));
  }
  return box;
}

// Where the most probable right name stands, if there is one. answers: all of them, the best first.
function rankOfRight(world, answers, accepted) {
  const index = answers.findIndex(({ entity }) => accepted.includes(entity));
  if (index < 0) return null;
  const { entity, probability } = answers[index];
  return element("p", { class: "note" }, "right: ", element("bdi", {}, world.entities[entity].name),
    `, rank ${index + 1} of ${answers.length}, ${percent(probability)}`);
}

// One attention head: rows attend to columns; the asked row is framed. Hover names the pair.
function heatmap(tokens, weights, asked, caption) {
  const t = tokens.length, size = Math.max(14, Math.min(26, 150 / t)), label = 74;
  const svg = drawing("svg", { width: label + t * size + 4, height: t * size + 4, role: "img", "aria-label": caption });
  for (let i = 0; i < t; i++) {
    svg.append(drawing("text", { x: label - 6, y: 2 + (i + 0.7) * size, "text-anchor": "end" }, short(tokens[i])));
    for (let j = 0; j < t; j++) {
      const share = weights.data[i * t + j];
      const cell = drawing("rect", { x: label + j * size, y: 2 + i * size, width: size - 1, height: size - 1,
        fill: "var(--model)", "fill-opacity": 0.04 + 0.96 * share });
      cell.append(drawing("title", {}, `${tokens[i]} attends to ${tokens[j]}: ${percent(share)}`));
      svg.append(cell);
    }
  }
  svg.append(drawing("rect", { x: label - 1, y: 1 + asked * size, width: t * size + 1, height: size + 1, fill: "none",
    stroke: "var(--ink)", "stroke-width": 2 }));
  return element("figure", { class: "head" }, svg, element("figcaption", {}, caption));
}

function short(text) {
  return text.length > 10 ? `${text.slice(0, 9)}…` : text;
}

// Learning curves: lines = [{ points: [[step, share], …], colour, dashes, label }]; `cursor`: a step.
function curves(lines, cursor, width = 560, height = 210) {
  const left = 44, bottom = 28, top = 8;
  const last = Math.max(1, ...lines.flatMap(({ points }) => points.map(([step]) => step)));
  const x = (step) => left + ((width - left - 12) * step) / last, y = (share) => top + (height - top - bottom) * (1 - share);
  const svg = drawing("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img", "aria-label": "learning curves" });
  for (const share of [0, 0.5, 1])
    svg.append(drawing("line", { x1: left, x2: width - 12, y1: y(share), y2: y(share), class: "axis" }),
      drawing("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`));
  svg.append(drawing("text", { x: width - 12, y: height - 6, "text-anchor": "end" }, `${last} steps`));
  for (const { points, colour, dashes, label } of lines) {
    const path = points.map(([step, share], i) => `${i ? "L" : "M"}${x(step)} ${y(share)}`).join("");
    svg.append(drawing("path", { d: path, fill: "none", stroke: colour, "stroke-width": 3, "stroke-dasharray": dashes },
      drawing("title", {}, label)));
  }
  if (cursor !== null)
    svg.append(drawing("line", { x1: x(cursor), x2: x(cursor), y1: top, y2: height - bottom, stroke: "var(--ink)", "stroke-width": 2 }));
  return svg;
}

// Entities in two dimensions: points = [[x, y], …] between -1 and 1; those in `marked` get a name.
function scatter(points, names, marked, width = 360, height = 260) {
  const svg = drawing("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img", "aria-label": "embeddings" });
  const x = (value) => width / 2 + value * (width / 2 - 16), y = (value) => height / 2 - value * (height / 2 - 16);
  points.forEach(([a, b], i) => {
    const named = marked.includes(i);
    svg.append(drawing("circle", { cx: x(a), cy: y(b), r: named ? 7 : 3, fill: "var(--model)", "fill-opacity": named ? 1 : 0.4 },
      drawing("title", {}, names[i])));
    if (named) svg.append(drawing("text", { x: x(a) + 9, y: y(b) + 4 }, names[i]));
  });
  return svg;
}
