// Questions to a model of the page, as eval/ask.py and eval/methods/generate_and_verify.py put them.
//
// A statement is [source, relation, target]: entities by their number in world.entities, null where it is open; the
// relation by its number in world.relations. A context is a list of whole statements, each followed by [separator].
"use strict";

const MASK = 3, BEGIN = 1, SEPARATOR = 4;

class Model {
  // run: an entry of DATA.runs; world: the entry of DATA.worlds that it was trained on; step: of run.steps.
  constructor(run, world, step = run.steps.length - 1) {
    this.run = run;
    this.world = world;
    this.network = new Transformer(run.config, unpackWeights(run.steps[step].weights));
  }

  // The tokens of context and statement, and where the open entity stands. `name`: tokens that stand for it so far.
  encode([source, relation, target], context, size, name) {
    const { entities, relations } = this.world;
    const open = [...name, ...new Array(size - name.length).fill(MASK)];
    const tokensOf = (entity) => (entity === null ? open : entities[entity].tokens);
    const tokens = [BEGIN];
    for (const [a, r, b] of context) tokens.push(...tokensOf(a), relations[r].token, ...tokensOf(b), SEPARATOR);
    const start = source === null ? tokens.length : tokens.length + tokensOf(source).length + 1;
    tokens.push(...tokensOf(source), relations[relation].token, ...tokensOf(target));
    return { tokens, next: start + name.length };
  }

  canAsk(statement) {
    return this.run.objective !== "causal" || statement[2] === null;
  }

  // What the network computes for the next token of an open entity of `size` tokens, and which position predicts it.
  query(statement, context, size, name) {
    const { tokens, next } = this.encode(statement, context, size, name);
    const causal = this.run.objective === "causal";
    const given = causal ? tokens.slice(0, next) : tokens, position = causal ? next - 1 : next;
    return { ...this.network.run(given, this.run.visibility), tokens: given, position };
  }

  // log p of each entity as the whole answer, in nats: each token of a name after those before it.
  entityLogProbs(statement, context = []) {
    const { entities } = this.world, cache = new Map();
    const logProbs = (size, name) => {
      const key = [size, ...name].join();
      if (!cache.has(key)) {
        const { hidden, position } = this.query(statement, context, size, name);
        cache.set(key, this.network.logProbs(hidden, position));
      }
      return cache.get(key);
    };
    return entities.map(({ tokens }) =>
      tokens.reduce((sum, token, i) => sum + logProbs(tokens.length, tokens.slice(0, i))[token], 0)
    );
  }

  // The `best` entities for the open one: number and probability, the most probable first.
  ask(statement, context = [], best = 5) {
    return ranked(this.entityLogProbs(statement, context)).slice(0, best);
  }

  // Generate and verify: log p of the known entity, with each entity in turn at the open place of the inverse statement.
  verify([source, relation, target]) {
    const inverse = this.world.relations[relation].inverse;
    if (source === null) return this.entityLogProbs([target, inverse, null]);
    return this.world.entities.map((_, candidate) => this.entityLogProbs([candidate, inverse, null])[source]);
  }
}

// Entities by their log-probability, the best first: [{ entity, probability }].
function ranked(logProbs) {
  const order = logProbs.map((_, entity) => entity).sort((a, b) => logProbs[b] - logProbs[a]);
  return order.map((entity) => ({ entity, probability: Math.exp(logProbs[entity]) }));
}
