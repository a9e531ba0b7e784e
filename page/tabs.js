// The tabs: ask both models, facts in the prompt, real facts, training over time.
"use strict";

// A model of DATA.tabs, made when it is first asked.
const models = new Map();

function modelOf(run, step = run.steps.length - 1) {
  const key = `${run.name} ${step}`;
  if (!models.has(key)) models.set(key, new Model(run, DATA.worlds[run.world], step));
  return models.get(key);
}

// What training states of a question's two entities, and what is right: of held-out facts and of stated ones.
class Knowledge {
  constructor(world) {
    this.world = world;
    this.statements = [];
    for (let i = 0; i < world.statements.length; i += 3) this.statements.push(world.statements.slice(i, i + 3));
    this.stated = new Set(this.statements.map(String));
    this.heldOut = Object.values(world.questions).flat();
  }

  inverseOf([source, relation, target]) {
    return [target, this.world.relations[relation].inverse, source];
  }

  isTrue(statement) {
    return this.stated.has(String(statement)) || this.stated.has(String(this.inverseOf(statement)));
  }

  accepted([source, relation, target]) {
    return this.world.entities.map((_, entity) => entity)
      .filter((entity) => this.isTrue(source === null ? [entity, relation, target] : [source, relation, entity]));
  }

  // The statement that training holds of a question's answer, if any.
  statedForm([source, relation, target]) {
    for (const entity of this.accepted([source, relation, target])) {
      const whole = source === null ? [entity, relation, target] : [source, relation, entity];
      return this.stated.has(String(whole)) ? whole : this.inverseOf(whole);
    }
    return null;
  }
}

const knowledges = new Map();

function knowledgeOf(worldIndex) {
  if (!knowledges.has(worldIndex)) knowledges.set(worldIndex, new Knowledge(DATA.worlds[worldIndex]));
  return knowledges.get(worldIndex);
}

// A typed question: names and relation words of the world, one entity as _. Throws an Error with one line.
function parseQuestion(world, text) {
  const fold = (word) => word.replace(/["'`\u201c\u201d\u2018\u2019\u00ab\u00bb]/g, "").trim().toLowerCase();
  for (let relation = 0; relation < world.relations.length; relation++) {
    const [before, after, ...more] = ` ${text} `.split(new RegExp(`\\s${escapeRegExp(world.relations[relation].word)}\\s`, "i"));
    if (after === undefined || more.length) continue;
    const ends = [before, after].map((end) => {
      if (/^\s*_+\s*$/.test(end)) return null;
      const exact = world.entities.findIndex(({ name }) => name === end.trim());
      const found = exact >= 0 ? exact : world.entities.findIndex(({ name }) => fold(name) === fold(end));
      if (found < 0) throw new Error(`${end.trim() || "the empty name"} is no name of this world`);
      return found;
    });
    if (ends.filter((end) => end === null).length !== 1) throw new Error("one of the two names must be _");
    return [ends[0], relation, ends[1]];
  }
  throw new Error(`write a name, one of ${world.relations.map(({ word }) => word).join(", ")}, and a name, one name being _`);
}

function escapeRegExp(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function card(run, verdict, ...children) {
  return element("section", { class: `card ${run.objective}`, "aria-label": TITLES[run.objective] },
    element("h2", {}, TITLES[run.objective], verdict), ...children);
}

function verdictOf(answers, accepted) {
  if (!accepted.length) return null;
  const right = accepted.includes(answers[0].entity);
  return element("span", { class: `verdict ${right ? "right" : "wrong"}` }, right ? "✓ right" : "✗ wrong");
}

// Both models side by side, for runs of one world.
function askTab(runs, example) {
  const world = DATA.worlds[runs[0].world], knowledge = knowledgeOf(runs[0].world);
  const facts = element("dl", { class: "fact" }), pair = element("div", { class: "pair" });
  const input = element("input", { "aria-label": "a question of your own", placeholder: "or type a question, such as " + example,
    list: `names-${runs[0].world}` });
  const message = element("p", { class: "note", role: "status" });
  const held = knowledge.heldOut;
  let index = Math.max(0, held.findIndex(({ asked }) => statementText(world, asked) === example)), asked = held[index].asked;

  function show(question) {
    asked = question;
    const accepted = knowledge.accepted(asked), form = knowledge.statedForm(asked);
    const heldOut = form && !knowledge.stated.has(String(whole(asked, accepted[0])));
    facts.replaceChildren(
      ...(form ? [element("dt", {}, "Training stated"), element("dd", {}, ...statementNodes(world, form))] : []),
      element("dt", {}, heldOut ? "It never stated" : "Asked"), element("dd", {}, ...statementNodes(world, asked))
    );
    pair.replaceChildren(...runs.map((run) => answerCard(run, asked, accepted)));
  }

  const another = (step) => { index = (index + step + held.length) % held.length; show(held[index].asked); };
  const other = () => { const form = knowledge.statedForm(asked); if (form) show(otherWay(knowledge, asked, form)); };
  input.addEventListener("change", () => {
    try { message.textContent = ""; if (input.value.trim()) show(parseQuestion(world, input.value)); }
    catch (error) { message.textContent = error.message; }
  });
  show(asked);
  const names = element("datalist", { id: `names-${runs[0].world}` },
    ...held.slice(0, 60).map(({ asked }) => element("option", { value: statementText(world, asked) })));
  return element("div", {}, facts, element("div", { class: "controls" },
    element("button", { type: "button", onclick: () => another(1) }, "another fact"),
    element("button", { type: "button", onclick: other }, "as stated ⇄ the other way round"), input, names), message, pair);
}

// The same fact, asked in the other wording: as stated, or by the inverse word.
function otherWay(knowledge, asked, form) {
  const [source, relation] = asked[1] === form[1] ? knowledge.inverseOf(form) : form;
  return [source, relation, null];
}

function whole([source, relation, target], entity) {
  return source === null ? [entity, relation, target] : [source, relation, entity];
}

function answerCard(run, asked, accepted) {
  const model = modelOf(run), world = model.world;
  if (!model.canAsk(asked))
    return card(run, null, element("p", {}, "A causal model predicts what stands last. This question has its gap first."));
  const all = model.ask(asked, [], Infinity), answers = all.slice(0, 5);
  const verified = element("div");
  const verify = element("button", { type: "button", onclick: () => {
    const began = performance.now(), scores = ranked(model.verify(asked)).slice(0, 5), best = scores[0].probability;
    const took = `${world.entities.length} statements in ${Math.round(performance.now() - began)} ms`;
    verified.replaceChildren(
      element("h3", {}, `each name put into `, ...statementNodes(world, verifiedForm(world, asked)), ` (${took})`),
      bars(world, scores.map((answer) => ({ ...answer, shown: answer.probability, probability: answer.probability / best })), accepted,
        (share) => percent(share * best)),
      element("p", { class: "note" }, "Shares: how probable the known name then is. The model can check what it cannot say."));
  } }, `try all ${world.entities.length} names`);
  return card(run, verdictOf(answers, accepted), bars(world, answers, accepted), rankOfRight(world, all, accepted),
    element("div", { class: "controls" }, verify), verified, inside(model, asked));
}

// The statement that is scored: the same fact by the inverse word, with the asked name open.
function verifiedForm(world, [source, relation, target]) {
  return [target, world.relations[relation].inverse, source];
}

// Attention by layer and head, and what the residual stream says after each layer.
function inside(model, asked, context = []) {
  const body = element("div"), details = element("details", {}, element("summary", {}, "look inside: attention, and what each layer would say"), body);
  details.addEventListener("toggle", () => {
    if (!details.open || body.childNodes.length) return;
    const size = model.world.entities[0].tokens.length;
    const { tokens, position, attention, residuals } = model.query(asked, context, size, []);
    const words = tokens.map((token) => model.world.words[token]);
    const heads = attention.flatMap((layer, l) => layer.map((head, h) => heatmap(words, head, position, `layer ${l + 1}, head ${h + 1}`)));
    const lens = residuals.map((residual, layer) => {
      const logProbs = model.network.lens(residual, position);
      const best = [...logProbs.keys()].sort((a, b) => logProbs[b] - logProbs[a]).slice(0, 3);
      const said = best.map((token) => `${model.world.words[token]} ${percent(Math.exp(logProbs[token]))}`).join(", ");
      return [element("dt", {}, layer ? `after layer ${layer}` : "after the embedding"), element("dd", {}, said)];
    });
    body.append(element("p", { class: "note" }, "Each row attends to the columns. The framed row predicts the answer."),
      element("div", { class: "heads" }, ...heads), element("h3", {}, "the residual stream, read through the output matrix"),
      element("dl", { class: "lens" }, ...lens.flat()));
  });
  return details;
}

// Facts in the prompt of one model.
function promptTab(run) {
  const world = DATA.worlds[run.world], knowledge = knowledgeOf(run.world), model = modelOf(run);
  const list = element("ul", { class: "context" }), answer = element("div"), asks = element("dl", { class: "fact" });
  const held = knowledge.heldOut.filter(({ asked }) => asked[0] !== null);
  let index = 0, asked, context;

  function choose(i) {
    index = (i + held.length) % held.length;
    asked = held[index].asked;
    const needed = knowledge.statedForm(asked) || knowledge.inverseOf(whole(asked, held[index].accepted[0]));
    const others = [1, 2, 3].map((n) => knowledge.statements[(index * 97 + n * 389) % knowledge.statements.length]);
    context = [others[0], needed, others[1], others[2]];
    show();
  }

  function show() {
    list.replaceChildren(...context.map((statement, i) => element("li", {}, entitySelect(world, statement[0], (e) => edit(i, 0, e)),
      relationSelect(world, statement[1], (r) => edit(i, 1, r)), entitySelect(world, statement[2], (e) => edit(i, 2, e)),
      element("button", { type: "button", "aria-label": "remove this fact", onclick: () => { context.splice(i, 1); show(); } }, "✕"))));
    list.append(element("li", {}, element("button", { type: "button", onclick: () => { context.push(knowledge.statements[0]); show(); } }, "add a fact")));
    // What follows from the prompt, not from training: facts may be edited.
    const follows = context.flatMap((s) => [s, knowledge.inverseOf(s)]).filter((s) => s[0] === asked[0] && s[1] === asked[1]).map((s) => s[2]);
    const answers = model.ask(asked, context), closedBook = model.ask(asked);
    asks.replaceChildren(element("dt", {}, "Asked"), element("dd", {}, ...statementNodes(world, asked)));
    answer.replaceChildren(element("div", { class: "pair" },
      promptCard(run, "with these facts in the prompt", answers, follows, inside(model, asked, context)),
      promptCard(run, "from its weights alone", closedBook, knowledge.accepted(asked), inside(model, asked))));
  }

  function promptCard(run, title, answers, accepted, further) {
    return element("section", { class: `card ${run.objective}` }, element("h2", {}, title, verdictOf(answers, accepted)),
      bars(world, answers, accepted), further);
  }

  const edit = (i, part, value) => { context[i] = context[i].map((old, p) => (p === part ? value : old)); show(); };
  choose(0);
  return element("div", {}, element("p", { class: "note" }, "A causal model that also trained on episodes: documents that state random facts and ask about them. Edit the facts and watch the answer follow."),
    element("div", { class: "controls" }, element("button", { type: "button", onclick: () => choose(index + 1) }, "another question")),
    asks, list, answer);
}

function entitySelect(world, chosen, onchange) {
  return select(world.entities.map(({ name }) => name), chosen, onchange, "name");
}

function relationSelect(world, chosen, onchange) {
  return select(world.relations.map(({ word }) => word), chosen, onchange, "relation");
}

function select(texts, chosen, onchange, label) {
  const node = element("select", { "aria-label": label, onchange: () => onchange(node.selectedIndex) },
    ...texts.map((text) => element("option", {}, text)));
  node.selectedIndex = chosen;
  return node;
}

// A slider over training.
function timeTab(runs) {
  const world = DATA.worlds[runs[0].world], knowledge = knowledgeOf(runs[0].world);
  const count = Math.max(...runs.map((run) => run.steps.length));
  const slider = element("input", { type: "range", min: 0, max: count - 1, value: count - 1, step: 1, "aria-label": "saved step" });
  const title = element("h2"), pair = element("div", { class: "pair" });
  let index = 0;

  function show() {
    const { asked, accepted } = knowledge.heldOut[index], form = knowledge.statedForm(asked);
    title.replaceChildren("Stated: ", ...statementNodes(world, form), ". Asked: ", ...statementNodes(world, asked));
    pair.replaceChildren(...runs.map((run) => {
      const at = Math.round((slider.value * (run.steps.length - 1)) / Math.max(1, count - 1)), model = modelOf(run, at);
      const { step } = run.steps[at], answers = model.ask(asked), marked = [asked[0] ?? asked[2], accepted[0]];
      return card(run, element("span", { class: "verdict" }, `step ${step}`), element("div", { class: "plot" }, curves(linesOf(run), step)),
        bars(world, answers, accepted), element("h3", {}, "the names' embeddings, seen from where they end"),
        element("div", { class: "plot" }, scatter(projected(run, at), world.entities.map(({ name }) => name), marked)));
    }));
  }

  slider.addEventListener("input", show);
  show();
  return element("div", {}, title, element("div", { class: "controls" },
    element("button", { type: "button", onclick: () => { index = (index + 1) % knowledge.heldOut.length; show(); } }, "another fact")),
    slider, element("p", { class: "note" }, "Solid: as stated (forward). Dashed: the held-out inverse. Move the slider through training."), pair);
}

function linesOf(run) {
  const colour = "var(--model)";
  return [{ points: run.curves.forward ?? [], colour, dashes: null, label: "forward, as stated" },
    { points: run.curves.inverse ?? [], colour, dashes: "7 6", label: "inverse, held out" }];
}

// The mean embedding of each name at a step, on the two main directions of the last step, scaled to -1 … 1.
function projected(run, at) {
  const last = centred(embeddings(run, run.steps.length - 1)), directions = mainDirections(last);
  const points = centred(embeddings(run, at)).map((row) => directions.map((direction) => dot(row, direction)));
  const farthest = Math.max(1e-9, ...last.flatMap((row) => directions.map((direction) => Math.abs(dot(row, direction)))));
  return points.map((point) => point.map((value) => Math.max(-1, Math.min(1, value / farthest))));
}

function embeddings(run, at) {
  const model = modelOf(run, at), table = model.network.weights["embedding.weight"], d = table.shape[1];
  return model.world.entities.map(({ tokens }) => {
    const sum = new Float64Array(d);
    for (const token of tokens) for (let c = 0; c < d; c++) sum[c] += table.data[token * d + c] / tokens.length;
    return sum;
  });
}

function centred(rows) {
  const mean = rows[0].map((_, c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length);
  return rows.map((row) => row.map((value, c) => value - mean[c]));
}

function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

// The two directions of most variance, by power iteration.
function mainDirections(rows) {
  const found = [];
  for (let k = 0; k < 2; k++) {
    let direction = rows[0].map((_, c) => Math.sin(c + 1 + k));
    for (let i = 0; i < 60; i++) {
      const next = rows[0].map(() => 0);
      for (const row of rows) { const weight = dot(row, direction); row.forEach((value, c) => (next[c] += weight * value)); }
      for (const other of found) { const weight = dot(next, other); other.forEach((value, c) => (next[c] -= weight * value)); }
      const length = Math.sqrt(dot(next, next)) || 1;
      direction = next.map((value) => value / length);
    }
    found.push(direction);
  }
  return found;
}
